//! One world: a database, an API, a worker, a repair endpoint and a mailbox, for one test.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use activities::Deps;
use activities::destinations::Senders;
use activities::destinations::email::EmailSender;
use activities::http::{GuardedClient, HttpPolicy};
use api_types::ingest::{ReceiptResponse, ResultResponse};
use console::same_origin::FormOrigins;
use console::state::ConsoleState;
use domain::api_key::ApiKey;
use domain::dead_man::DeadManUrl;
use domain::ids::{EventId, IncidentId, KeyId, ProjectId};
use domain::project::Mode;
use domain::proxies::TrustedProxies;
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use engine::{Engine, TemporalSettings};
use reqwest::Method;
use sendpromptly::delivery;
use sendpromptly::service::{OutboundClients, Pools, Service, WebSettings};
use sendpromptly::test_shop::TestShopSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::PgPool;
use store::destinations::{NewDestination, Target};
use store::incidents::Incident;
use store::projects::Project;
use store::{MasterKey, destinations, incidents};
use temporalio_client::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::serve::ServeOptions;
use worker::WorkerSettings;
use workflows::names::{TASK_QUEUE, workflow_id};

use crate::engines::{self, Database, Engines, OwnTemporal};
use crate::mailbox::Mailbox;
use crate::receiver::Receiver;
pub use crate::settings::WorldOptions;
use crate::{conformance, eventually, projects, settings, temporal};

/// The mail address of bob, who is on call.
pub const BOB: &str = "bob@cometcart.test";

/// Everything that one story happens in.
pub struct World {
    /// The engines of the run.
    pub engines: Arc<Engines>,
    /// This world's database.
    pub pool: PgPool,
    pub database_url: String,
    _database: Database,
    /// What seals its secrets.
    pub master_key: String,
    /// Alice's shop.
    pub project: Project,
    /// Its API key.
    pub key: ApiKey,
    /// The id of its API key.
    pub key_id: KeyId,
    /// What signs its callbacks.
    pub secret: SigningSecret,
    /// Its repair endpoint.
    pub repair: Receiver,
    /// Where bob gets his mail.
    pub mailbox: Mailbox,
    /// Where the API is.
    pub url: String,
    /// Temporal's `host:port`.
    pub temporal_address: String,
    /// Temporal, as this world's processes see it.
    pub engine: Arc<Engine>,
    /// Asks over HTTP, past every proxy.
    pub http: reqwest::Client,
    /// What its processes find in their environment beside the usual.
    pub variables: Vec<(&'static str, &'static str)>,
    shutdown: CancellationToken,
    api: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl World {
    /// A world with an API and a worker, and the contract's deadlines.
    pub async fn start() -> Self {
        Self::start_with(WorldOptions::default()).await
    }

    /// A world with an API alone: no watch goes on and nothing is sent unless the test does it.
    pub async fn start_without_worker() -> Self {
        Self::start_with(WorldOptions::default().without_worker()).await
    }

    /// A world as the options say.
    pub async fn start_with(options: WorldOptions) -> Self {
        Self::try_start(options).await.expect("a world")
    }

    async fn try_start(options: WorldOptions) -> anyhow::Result<Self> {
        let engines = engines::shared().await?;
        let address = engines.temporal.address();
        let task_queue = format!("world-{}", uuid::Uuid::now_v7().simple());
        let world = Self::create(engines, address, task_queue, options).await?;
        world.open(options).await?;
        Ok(world)
    }

    /// A world whose Temporal is at this address, or nowhere; the real binary can work there too.
    pub async fn start_on(temporal_address: String, options: WorldOptions) -> Self {
        let engines = engines::shared().await.expect("engines");
        let world = Self::create(engines, temporal_address, TASK_QUEUE.to_owned(), options).await;
        let world = world.expect("a world");
        world.open(options).await.expect("an API");
        world
    }

    /// A world beside a Temporal of its own; the real binary can work there too.
    pub async fn start_beside_temporal(options: WorldOptions) -> (Self, OwnTemporal) {
        let port = embedded::free_port().expect("a port");
        let server = OwnTemporal::start(port).await;
        (Self::start_on(format!("127.0.0.1:{port}"), options).await, server)
    }

    async fn open(&self, options: WorldOptions) -> anyhow::Result<()> {
        if options.api {
            self.serve().await?;
        }
        if options.worker {
            self.start_worker();
        }
        Ok(())
    }

    async fn create(
        engines: Arc<Engines>,
        temporal_address: String,
        task_queue: String,
        options: WorldOptions,
    ) -> anyhow::Result<Self> {
        let database = engines.create_database().await?;
        let pool = settings::connect(&database.url, options).await?;
        let master_key = MasterKey::generate();
        let repair = Receiver::start().await?;
        let mailbox = Mailbox::start().await;
        let secret = web::random::signing_secret()?;
        let key = new_key()?;
        let (project, key_id) =
            projects::seed(&pool, &master_key, "CometCart", &repair, &secret, &key).await?;
        let url = format!("http://127.0.0.1:{}", embedded::free_port()?);
        let temporal = TemporalSettings::Plain {
            address: temporal_address.clone(),
            namespace: embedded::NAMESPACE.to_owned(),
        };
        let engine = options.fit(Engine::new(temporal, task_queue).with_console(url.as_str()));
        let shutdown = CancellationToken::new();
        Ok(Self {
            engines,
            pool,
            database_url: database.url.clone(),
            _database: database,
            master_key,
            project,
            key,
            key_id,
            secret,
            repair,
            mailbox,
            engine: Arc::new(engine),
            url,
            temporal_address,
            http: reqwest::Client::builder().no_proxy().build()?,
            variables: Vec::new(),
            api: shutdown.child_token(),
            shutdown,
            tasks: TaskTracker::new(),
        })
    }

    /// Starts the API, as the `api` command does.
    async fn serve(&self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.url.trim_start_matches("http://")).await?;
        let service = self.service();
        conformance::serve(&service, listener, &self.state_of(&service));
        Ok(())
    }

    /// Starts another API on the same database, which works with this; gives where it is.
    pub async fn serve_also(&self, state: ConsoleState) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        conformance::serve(&self.service(), listener, &state);
        url
    }

    /// What this world's API works with; its relay ends with the API.
    pub fn state(&self) -> ConsoleState {
        self.state_of(&self.service())
    }

    /// The parts of the product that end with the API.
    fn service(&self) -> Service {
        let pools = Pools::one(&self.pool);
        let key = MasterKey::parse(&self.master_key).expect("a key");
        Service::start_until(self.api.clone(), pools, key, Arc::clone(&self.engine))
    }

    fn state_of(&self, service: &Service) -> ConsoleState {
        service.state(self.outbound_clients(), self.web())
    }

    /// What this world's messages and callbacks need.
    pub fn outbound_clients(&self) -> OutboundClients {
        let Deps { senders, allow, public_url, mail_domain, dead_man, .. } = self.deps();
        OutboundClients { senders, allow, public_url, mail_domain, dead_man }
    }

    /// What this world's console needs beside that.
    pub fn web(&self) -> WebSettings {
        WebSettings {
            origins: FormOrigins::new(&self.url, true),
            temporal_ui: None,
            keep_alive: ServeOptions::default().idle_timeout,
            proxies: TrustedProxies::default(),
            rate_limit: NonZeroU32::MAX,
            test_shop: Some(TestShopSettings {
                api: self.url.clone(),
                server: self.url.clone(),
                mail_dir: None,
            }),
        }
    }

    /// Stops the API and its relay; a worker goes on.
    pub fn stop_api(&self) {
        self.api.cancel();
    }

    /// Starts a worker, as the `worker` command does.
    pub fn start_worker(&self) {
        let deps = Arc::new(self.deps());
        let (engine, shutdown) = (Arc::clone(&self.engine), self.shutdown.clone());
        let settings = WorkerSettings { workflow_pollers: 5, ..WorkerSettings::default() };
        drop(self.tasks.spawn(worker::run(engine, deps, settings, shutdown)));
    }

    /// What this world's activities work with.
    pub fn deps(&self) -> Deps {
        let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("a network");
        let http = GuardedClient::new(HttpPolicy::new(allow.clone())).expect("a client");
        let email = EmailSender::smtp(&self.mailbox.url(), "Shop watch <alerts@cometcart.test>");
        Deps {
            pool: self.pool.clone(),
            master_key: MasterKey::parse(&self.master_key).expect("a key"),
            senders: Senders {
                email: email.expect("a mail server"),
                http: http.clone(),
                activities: Some(delivery::provide(Arc::clone(&self.engine))),
            },
            http,
            allow,
            public_url: self.url.clone(),
            mail_domain: "cometcart.test".to_owned(),
            dead_man: self.dead_man(),
        }
    }

    fn dead_man(&self) -> Option<DeadManUrl> {
        let allow = "127.0.0.0/8".parse().expect("a network");
        let url = || DeadManUrl::parse(self.repair.url(), &allow).expect("a URL");
        self.engine.probes().then(url)
    }

    /// A client of this world's Temporal.
    pub async fn temporal(&self) -> Client {
        self.engine.client().await.expect("a Temporal client")
    }

    /// Lets no alert be claimed while this lives, however long that is.
    pub async fn hold_destinations(&self) -> store::pool::Transaction {
        let mut tx = self.pool.begin().await.expect("a transaction");
        let hold = "SET LOCAL idle_in_transaction_session_timeout = 0;
                    SELECT FROM destinations FOR NO KEY UPDATE";
        sqlx::raw_sql(hold).execute(&mut *tx).await.expect("a lock");
        tx
    }

    /// Lets the waits of a watch pass immediately, by Temporal's clock and by the database's.
    pub async fn skip_time(&self, event_id: EventId) {
        sqlx::raw_sql(
            "CREATE OR REPLACE FUNCTION hurry() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN NEW.next_attempt_at := least(NEW.next_attempt_at, clock_timestamp()); RETURN NEW; END $$;
             CREATE OR REPLACE TRIGGER hurry BEFORE UPDATE ON reprocesses FOR EACH ROW EXECUTE FUNCTION hurry();",
        )
        .execute(&self.pool)
        .await
        .expect("a trigger");
        let client = self.temporal().await;
        eventually("a watch whose time can be skipped", async || {
            temporal::skip_time(&client, workflow_id(event_id)).await.ok()
        })
        .await;
    }

    /// Sends alerts to bob by mail.
    pub async fn alert_bob(&self) {
        self.add_destination(&Target::Email(BOB.to_owned()), BOB).await;
    }

    /// Sends alerts to Slack; gives what stands for it.
    pub async fn alert_slack(&self) -> Receiver {
        let slack = Receiver::start().await.expect("a receiver");
        self.add_destination(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        slack
    }

    /// Sends alerts to a destination.
    pub async fn add_destination(&self, target: &Target, shown: &str) {
        self.add_destination_to(self.project.id, target, shown).await;
    }

    /// Sends alerts of a project to a destination.
    pub async fn add_destination_to(&self, project_id: ProjectId, target: &Target, shown: &str) {
        let key = MasterKey::parse(&self.master_key).expect("a key");
        let mut db = self.pool.acquire().await.expect("a connection");
        let (target, shown) = (target.clone(), shown.to_owned());
        let new = NewDestination { target, shown, label: None, every_incident: None };
        destinations::insert_destination(&mut db, &key, project_id, &new)
            .await
            .expect("a destination");
    }

    /// Waits until the API knows every key, project and declared name as it is now. A key that it
    /// does not know makes it look.
    pub async fn keys_are_seen(&self) {
        let unknown = new_key().expect("a key");
        let (status, _) = self.post_as(&unknown, "/api/v1/receipt", &receipt("evt_0"), "0").await;
        assert_eq!(status, 401);
    }

    /// Posts JSON with this world's key and a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_as(&self.key, path, body, &uuid::Uuid::now_v7().to_string()).await
    }

    /// Posts JSON with any key and any idempotency key.
    pub async fn post_as(
        &self,
        key: &ApiKey,
        path: &str,
        body: &Value,
        idempotency: &str,
    ) -> (u16, Value) {
        let request = self
            .http
            .request(Method::POST, format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", key.reveal()))
            .header("idempotency-key", idempotency)
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.expect("a response");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Reports a receipt for a provider event, and gives the event.
    pub async fn receipt(&self, provider_event_id: &str) -> EventId {
        self.send_receipt(&receipt(provider_event_id)).await
    }

    /// Reports this receipt, and gives the event.
    pub async fn send_receipt(&self, body: &Value) -> EventId {
        self.accepted::<ReceiptResponse>("/api/v1/receipt", body).await.event_id
    }

    /// Reports that the effect of an event failed, with whatever more is said, and gives the incident.
    pub async fn fail(&self, event_id: EventId, more: Value) -> IncidentId {
        let failed = self.result(event_id, "failed", more).await;
        failed.incident.expect("an incident").id
    }

    /// Reports a result of an event, with whatever more is said.
    pub async fn result(&self, event_id: EventId, status: &str, more: Value) -> ResultResponse {
        let mut body = json!({ "event_id": event_id, "status": status });
        for (field, value) in more.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        self.accepted("/api/v1/result", &body).await
    }

    async fn accepted<T: DeserializeOwned>(&self, path: &str, body: &Value) -> T {
        let (status, response) = self.post(path, body).await;
        assert_eq!(status, 202, "{response}");
        serde_json::from_value(response).expect("a response")
    }

    /// The incident of an event that has one.
    pub async fn incident(&self, event_id: EventId) -> Incident {
        let found = incidents::find_for_event(&self.pool, event_id).await.expect("a database");
        found.expect("an incident")
    }

    /// Waits until the event's incident is as wanted.
    pub async fn incident_when(
        &self,
        event_id: EventId,
        what: &str,
        request: impl Fn(&Incident) -> bool,
    ) -> Incident {
        eventually(&format!("an incident of {event_id}: {what}"), async || {
            let incident =
                incidents::find_for_event(&self.pool, event_id).await.expect("a database")?;
            request(&incident).then_some(incident)
        })
        .await
    }

    /// Whether the API says that it can accept receipts.
    pub async fn ready(&self) -> bool {
        let response = self.http.get(format!("{}/readyz", self.url)).send().await;
        response.is_ok_and(|response| response.status().is_success())
    }

    /// The actions on the event's timeline, in order.
    pub async fn timeline(&self, event_id: EventId) -> Vec<String> {
        let entries =
            store::timeline::list_for_event(&self.pool, event_id).await.expect("a timeline");
        entries.into_iter().map(|entry| entry.action).collect()
    }

    /// Asks for a reprocess, as the command line does.
    pub async fn reprocess(&self, incident_id: IncidentId) -> domain::ids::ReplayId {
        use store::transitions::reprocess::{ReprocessRequest, request_reprocess};
        let incident = incidents::find_incident(&self.pool, incident_id).await.expect("a database");
        let event_id = incident.expect("an incident").event_id;
        let actor = domain::audit::Actor::Cli("bob".to_owned());
        let replay_id = store::reprocesses::new_id();
        let request =
            ReprocessRequest { replay_id, actor: &actor, note: None, bulk_id: None, signal: true };
        let mut tx = self.pool.begin().await.expect("a transaction");
        request_reprocess(&mut tx, event_id, request).await.expect("a reprocess");
        tx.commit().await.expect("a commit");
        replay_id
    }
}

/// The body of a receipt: user_456 paid an invoice and is owed credits.
#[must_use]
pub fn receipt(provider_event_id: &str) -> Value {
    json!({
        "provider": "stripe", "provider_event_id": provider_event_id, "event_type": "invoice.paid",
        "effect_type": "credit_grant", "internal_reference": "user_456",
        "occurred_at": "2026-11-21T14:02:09Z"
    })
}

/// Reads an id out of a response.
///
/// # Panics
/// When there is none.
pub fn parse<T: std::str::FromStr>(value: &Value) -> T {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    text.parse().unwrap_or_else(|_| panic!("no id: {text}"))
}

/// A new API key.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_key() -> anyhow::Result<ApiKey> {
    Ok(web::random::api_key(Mode::Test)?)
}

/// A timeout that lets the app report in time and still ends soon.
pub const SHORT: Duration = Duration::from_millis(1_500);
