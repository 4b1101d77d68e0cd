//! The audit log: filters, pages, exports.

use std::collections::HashSet;

use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use e2e::html_page::HtmlPage;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::HOSTILE;

/// Writes entries of the project as another process would: `(seconds ago, actor, action, detail)`.
async fn write(world: &World, entries: &[(i32, &str, &str, Value)]) {
    for (ago, actor, action, detail) in entries {
        sqlx::query(
            "INSERT INTO audit_entries (id, at, actor, action, project_id, detail)
             VALUES ($1, now() - make_interval(secs => $2), $3, $4, $5, $6)",
        )
        .bind(uuid::Uuid::now_v7())
        .bind(f64::from(*ago))
        .bind(actor)
        .bind(action)
        .bind(world.project.id.as_uuid())
        .bind(detail)
        .execute(&world.pool)
        .await
        .expect("an entry");
    }
}

fn rows(page: &HtmlPage) -> usize {
    page.rows("Entries").len()
}

/// The rows of a CSV file, read by the rules of RFC 4180 and nothing more.
pub fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(c) = letters.next() {
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                cell.push('"');
                letters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {
                letters.next();
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "the file ends with its last row");
    rows
}

#[test]
fn an_entry_says_when_who_and_what_in_words_and_leads_to_what_it_is_about() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let event_id = world.receipt("evt_audit_1").await;
        let words = json!({ "error_code": "db_down", "error_message": HOSTILE });
        let incident_id = world.fail(event_id, words).await.to_string();
        let page = bob.page("/audit").await;
        assert_eq!(page.title(), "Audit · sendpromptly");
        let text = page.text();
        assert!(text.contains("It leaves with the event that it is about"), "{text}");
        let rows = page.rows("Entries").join("\n");
        let rows = rows.replace(&incident_id, "inc_…").replace(&event_id.to_string(), "ev_…");
        insta::assert_snapshot!(rows, @r#"
        [time] | sendpromptly | Incident opened: db_down <script>alert(1)</script>"'><img src=x onerror=alert(1)> incident.opened | CometCart inc_…
        [time] | key “Production worker” | Failure reported: db_down <script>alert(1)</script>"'><img src=x onerror=alert(1)> result.failed | CometCart ev_…
        [time] | key “Production worker” | Receipt accepted: invoice.paid, credit_grant is due receipt.accepted | CometCart ev_…
        [time] | viewer@cometcart.test | Signed in operator.signed_in | the installation
        "#);
        assert_eq!(page.link(&incident_id), Some(format!("/incidents/{incident_id}")));
        let event_id = event_id.to_string();
        assert_eq!(page.link(&event_id), Some(format!("/events/{event_id}")));
        let html = page.html();
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{html}");
    });
}

#[test]
fn each_filter_narrows_and_all_of_them_together_too() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let day = 86_400;
        write(
            &world,
            &[
                (10 * day, "operator:alice@cometcart.test", "project.updated", json!({})),
                (10 * day, "operator:alice@cometcart.test", "project.created", json!({})),
                (9 * day, "cli:alice", "project.updated", json!({})),
                (day, "operator:alice@cometcart.test", "project.updated", json!({})),
            ],
        )
        .await;
        let date = |ago: i64| (OffsetDateTime::now_utc() - time::Duration::days(ago)).date();
        let (ten, nine) = (date(10), date(9));
        let project = world.project.id;
        for (filter, found) in [
            (String::new(), 5),
            ("actor=Alice@cometcart.test".to_owned(), 3),
            ("actor=operator:".to_owned(), 4),
            ("action=project.".to_owned(), 4),
            ("action=project.updated".to_owned(), 3),
            (format!("subject={project}"), 4),
            (format!("from={ten}&to={ten}"), 2),
            (format!("from={nine}"), 3),
            (format!("to={nine}"), 3),
            (format!("actor=cli:&action=project.updated&subject={project}&to={nine}"), 1),
            ("actor=nobody".to_owned(), 0),
        ] {
            let page = bob.page(&format!("/audit?{filter}")).await;
            assert_eq!(rows(&page), found, "{filter}");
            let csv = bob.get(&format!("/audit.csv?{filter}")).await.body;
            assert_eq!(read_csv(&csv).len() - 1, found, "{filter}");
        }
        let text = bob.page("/audit?actor=nobody").await.text();
        assert!(text.contains("No entry matches."), "{text}");
    });
}

#[test]
fn what_cannot_be_read_is_said_beside_its_field_and_exports_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        for (filter, field, error) in [
            ("from=yesterday", "From (UTC)", "A day is written as 2026-11-21."),
            ("to=2026-02-30", "To (UTC)", "A day is written as 2026-11-21."),
            ("subject=evt_1", "About", "This is no id of a project, an event or an incident."),
            ("action=incident.sneezed", "What", "There is no such action."),
            ("actor=%00", "Who", "No actor has this name."),
        ] {
            let page = bob.get(&format!("/audit?{filter}")).await;
            assert_eq!(page.status, 422, "{filter}");
            let shown = page.page().error(field);
            assert_eq!(shown.as_deref(), Some(error), "{filter}");
            for export in ["/audit.csv", "/audit.json"] {
                let rejected = bob.get(&format!("{export}?{filter}")).await;
                assert_eq!(rejected.status, 422, "{filter}");
                assert!(rejected.body.contains(error), "{filter}: {}", rejected.body);
            }
        }
        let page = bob.get("/audit?from=yesterday").await.page();
        assert_eq!(page.input("From (UTC)").value, "yesterday");
        assert_eq!(bob.get("/audit?after=nothing").await.status, 400);
    });
}

#[test]
fn pages_of_fifty_lead_to_one_another_and_keep_the_filters() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        seed(&world, 120).await;
        let first = bob.page("/audit?action=key.created").await;
        assert_eq!((rows(&first), first.link("Newer")), (50, None));
        let second = bob.page(&first.link("Older").expect("more")).await;
        let third = bob.page(&second.link("Older").expect("more")).await;
        assert_eq!((rows(&second), rows(&third), third.link("Older")), (50, 20, None));
        let back = bob.page(&third.link("Newer").expect("newer ones")).await;
        let entries = |page: &HtmlPage| page.texts("tbody pre");
        assert_eq!(entries(&back), entries(&second));
        assert_eq!(entries(&back).len(), 50);
    });
}

#[test]
fn a_page_from_which_all_entries_have_left_leads_to_the_newest() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let oldest: uuid::Uuid =
            sqlx::query_scalar("SELECT id FROM audit_entries ORDER BY at, id LIMIT 1")
                .fetch_one(&world.pool)
                .await
                .expect("an entry");
        let oldest = domain::ids::AuditId::from_uuid(oldest);
        for (filter, newest) in
            [("", "/audit"), ("action=key.created&", "/audit?action=key.created")]
        {
            let last = format!("/audit?{filter}after={oldest}");
            let page = bob.page(&last).await;
            assert!(page.text().contains("Nothing is on this page any more."), "{}", page.text());
            assert_eq!(page.link("Show the newest").as_deref(), Some(newest));
        }
    });
}

#[test]
fn a_spreadsheet_reads_every_cell_as_text() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let actors = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("=HYPERLINK(\"http://x\",\"a,b\")", "'=HYPERLINK(\"http://x\",\"a,b\")"),
            ("temporal:x;=1+1;\"=2\"", "temporal:x;'=1+1;\"'=2\""),
            ("cli:x\t@SUM(A1)", "cli:x\t'@SUM(A1)"),
        ];
        for (actor, _) in actors {
            let note = json!({ "note": "say \"hi\";=1+1,\r\nnew" });
            write(&world, &[(0, actor, "key.created", note)]).await;
        }
        let response = bob.get("/audit.csv?action=key.created").await;
        let header = |name: &str| response.headers[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-disposition").starts_with("attachment; filename=\"audit-"));
        let text = response.body.strip_prefix('\u{feff}').expect("the mark of UTF-8");
        let rows = read_csv(text);
        assert_eq!(rows[0][0..3], ["at", "actor", "action"]);
        assert_eq!(rows.len(), 1 + actors.len());
        let found: HashSet<_> = rows[1..].iter().map(|row| row[1].clone()).collect();
        assert_eq!(found, actors.iter().map(|(_, written)| (*written).to_owned()).collect());
        for row in &rows {
            assert_eq!(row.len(), 8, "{row:?}");
            let begins = |cell: &String| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            assert!(!row.iter().any(begins), "{row:?}");
        }
        let detail: Value = serde_json::from_str(&rows[1][6]).expect("the detail as JSON");
        assert_eq!(detail["note"], "say \"hi\";=1+1,\r\nnew");
        assert!(!response.body.contains(";="), "no cell begins after a semicolon either");
    });
}

#[test]
fn a_long_export_is_complete_and_in_order() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        seed(&world, 2_345).await;
        let csv = read_csv(&bob.get("/audit.csv?action=key.created").await.body);
        let ids: HashSet<_> = csv[1..].iter().map(|row| row[7].clone()).collect();
        assert_eq!((csv.len() - 1, ids.len()), (2_345, 2_345));
        let numbers: Vec<u64> = csv[1..]
            .iter()
            .map(|row| serde_json::from_str::<Value>(&row[6]).expect("JSON")["label"].clone())
            .map(|label| label.as_str().expect("a number").parse().expect("a number"))
            .collect();
        assert!(numbers.is_sorted_by(|newer, older| newer > older), "newest first");

        let response = bob.get("/audit.json?action=key.created").await;
        assert_eq!(response.headers["content-type"], "application/json");
        let json: Value = serde_json::from_str(&response.body).expect("JSON");
        let entries = json["data"].as_array().expect("entries");
        assert_eq!((entries.len(), &json["cut_off"]), (2_345, &Value::Bool(false)));
        assert_eq!(entries[0]["project_id"], world.project.id.to_string());
        assert_eq!(entries[0]["audit_id"], csv[1][7]);
        let empty = bob.get("/audit.json?actor=nobody").await.body;
        let empty: Value = serde_json::from_str(&empty).expect("JSON");
        assert_eq!(empty, json!({ "data": [], "cut_off": false }));
    });
}

/// So many entries, a second apart; the label counts up with time.
async fn seed(world: &World, count: i32) {
    sqlx::query(
        "INSERT INTO audit_entries (id, at, actor, action, project_id, detail)
         SELECT gen_random_uuid(), now() - make_interval(secs => $1 - n), 'cli:alice', 'key.created', $2,
                jsonb_build_object('label', n::text)
         FROM generate_series(1, $1) AS n",
    )
    .bind(count)
    .bind(world.project.id.as_uuid())
    .execute(&world.pool)
    .await
    .expect("entries");
}
