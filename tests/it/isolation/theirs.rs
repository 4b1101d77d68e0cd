//! Another project with one of everything that a path can name.

use std::collections::BTreeMap;

use domain::api_key::ApiKey;
use domain::ids::{CauseId, ProjectId};
use domain::operator::Role;
use e2e::world::{parse, receipt};
use e2e::{World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use store::signing_secrets;

use crate::automation::script::Script;

/// The provider's id of its payment.
pub const PAYMENT: &str = "evt_theirs";

pub struct Theirs {
    pub project: ProjectId,
    pub key: ApiKey,
    /// By the names that paths give them.
    ids: BTreeMap<&'static str, String>,
}

impl Theirs {
    #[expect(clippy::too_many_lines, reason = "one of everything")]
    pub async fn make(world: &World) -> Self {
        let owner = Script::new(world, Role::Admin).await;
        let create = async |path: &str, body: Value, id: &str| {
            let made: Value = owner.send(path, body).await;
            (made[id].as_str().expect("an id").to_owned(), made)
        };
        let shop = json!({ "name": "Northwind", "mode": "test", "repair_url": world.repair.url() });
        let (project, _) = create("", shop, "project_id").await;
        let project: ProjectId = parse(&json!(project));
        let at = |part: &str| format!("/{project}/{part}");
        let (key_id, key) = create(&at("keys"), json!({ "label": "theirs" }), "key_id").await;
        let key = ApiKey::parse(key["key"].as_str().expect("a key")).expect("a key");
        world.keys_are_seen().await;
        let webhook = json!({ "webhook": world.repair.url() });
        let (destination, _) = create(&at("destinations"), webhook, "destination_id").await;
        let extension = json!({
            "point": "before_incident", "activity": "credits.verify", "queue": "sendpromptly-ext.theirs"
        });
        let (extension, _) = create(&at("extensions"), extension, "extension_id").await;

        let (event, incident) = miss_effect(world, &key).await;
        let proofs = at(&format!("incidents/{incident}/proof-links"));
        let (proof, _) = create(&proofs, json!({}), "proof_link_id").await;
        let cause = "SELECT cause FROM incidents WHERE project_id = $1";
        let cause: CauseId =
            sqlx::query_scalar(cause).bind(project).fetch_one(&world.pool).await.expect("a cause");
        let cause = cause.to_string();
        let (bulk, _) = create(&at("bulk-reprocesses"), json!({}), "bulk_id").await;
        let set = json!({ "filter": { "mode": "test" } });
        let (_, set) = owner.call_at(Method::POST, "/bulk-sets", Some(set)).await;
        let set = set["set_id"].as_str().expect("a set").to_owned();
        let customer = json!({ "internal_reference": "user_456", "confirm": true });
        let (erasure, _) = create(&at("erasures"), customer, "erasure_id").await;
        let secrets = signing_secrets::list_secrets(&world.pool, project).await.expect("secrets");
        let ids = BTreeMap::from([
            ("secret_id", secrets[0].id.to_string()),
            ("event_id", event),
            ("incident_id", incident),
            ("key_id", key_id),
            ("destination_id", destination),
            ("extension_id", extension),
            ("proof_link_id", proof),
            ("bulk_id", bulk),
            ("set_id", set),
            ("erasure_id", erasure),
            ("cause_id", cause),
        ]);
        eventually("an outbox that is empty", async || {
            let waiting = "SELECT count(*) FROM outbox";
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&world.pool).await.ok()?;
            (waiting == 0).then_some(())
        })
        .await;
        Self { project, key, ids }
    }

    pub fn id(&self, name: &str) -> &str {
        &self.ids[name]
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.values().map(String::as_str)
    }

    /// A path with this project and its things in it.
    pub fn fill(&self, path: &str, project: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}'))
        {
            None => part.to_owned(),
            Some("project_id") => project.to_owned(),
            Some("effect_type") => "credits.grant".to_owned(),
            Some(name) => self.ids.get(name).unwrap_or_else(|| panic!("{name} is new")).clone(),
        };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// Every row that is bound to it, as text, but for when a key was used last: that is noted a moment later.
    pub async fn rows(&self, world: &World) -> Vec<String> {
        let tables = "SELECT table_name::text FROM information_schema.columns
                      WHERE table_schema = 'public' AND column_name = 'project_id' ORDER BY table_name";
        let tables: Vec<String> =
            sqlx::query_scalar(tables).fetch_all(&world.pool).await.expect("tables");
        assert!(tables.len() > 8, "{tables:?}");
        let mut rows = Vec::new();
        for table in tables {
            let sql = format!(
                "SELECT '{table} ' || (to_jsonb(t) - 'last_used_at')::text FROM {table} t WHERE project_id = $1 ORDER BY 1"
            );
            let here = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).bind(self.project);
            rows.extend(here.fetch_all(&world.pool).await.expect("rows"));
        }
        rows
    }
}

/// An event whose effect failed, and its incident.
async fn miss_effect(world: &World, key: &ApiKey) -> (String, String) {
    let call = async |path: &str, body: Value| {
        let (status, response) = world.post_as(key, path, &body, &path.replace('/', "-")).await;
        assert_eq!(status, 202, "{response}");
        response
    };
    let received = call("/api/v1/receipt", receipt(PAYMENT)).await;
    let event = received["event_id"].as_str().expect("an event").to_owned();
    let failed = json!({ "event_id": event, "status": "failed", "error_code": "db_write_failed" });
    let failed = call("/api/v1/result", failed).await;
    let incident = failed["incident"]["id"].as_str().expect("an incident").to_owned();
    (event, incident)
}
