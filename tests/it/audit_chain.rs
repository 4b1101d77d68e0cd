//! `sendpromptly audit verify`, as a program, and the worker's part that it checks.

use std::path::Path;

use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run};
use engine::audit_chain::{HeadLine, HeadsTarget};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::audit_chain::{Head, list_heads};

/// Links as a worker does, until every entry has a link and every head is in the file.
async fn link(world: &World, heads: &Path) {
    let target = HeadsTarget::File(heads.to_owned());
    drop(tokio::spawn(engine::audit_chain::run(world.pool.clone(), Some(target))));
    eventually("links, and their heads in the file", async || {
        let unlinked = "SELECT count(*) FROM audit_entries e WHERE NOT EXISTS (SELECT FROM audit_chain WHERE entry_id = e.id)";
        let unlinked: i64 = sqlx::query_scalar(unlinked).fetch_one(&world.pool).await.ok()?;
        let written = std::fs::read_to_string(heads).ok()?;
        let ends = list_heads(&world.pool).await.ok()?;
        let is_written = |head: &Head| written.contains(&HeadLine::from(head).hash);
        (unlinked == 0 && ends.iter().all(is_written)).then_some(())
    })
    .await;
}

/// A shop of one event whose entries are linked; with the file of heads.
async fn linked_world(folder: &Path) -> (World, String) {
    let world = World::start_without_worker().await;
    assert_eq!(world.post("/api/v1/receipt", &receipt("evt_1")).await.0, 202);
    let failed = json!({"provider_event_id": "evt_1", "status": "failed", "error_message": "no"});
    assert_eq!(world.post("/api/v1/result", &failed).await.0, 202);
    let heads = folder.join("heads.jsonl");
    link(&world, &heads).await;
    (world, heads.to_string_lossy().into_owned())
}

async fn as_superuser(world: &World, statements: &str) {
    let sql = format!("BEGIN; SET LOCAL session_replication_role = replica; {statements}; COMMIT");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.pool).await.expect("a superuser");
}

fn flaws(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings").iter();
    findings.map(|finding| finding["flaw"].as_str().expect("a flaw")).collect()
}

#[test]
fn it_holds_until_somebody_changes_the_past_and_then_names_what() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (world, heads) = linked_world(folder.path()).await;
        let (code, report) = world.cli(&["audit", "verify", "--heads", &heads]).await.expect("it");
        assert_eq!((code, &report["holds"]), (0, &json!(true)), "{report}");
        assert!(report["links"].as_u64() >= Some(3), "{report}");
        let head = &report["heads"].as_array().expect("heads").last().expect("one")["hash"];
        let written = std::fs::read_to_string(&heads).expect("a file");
        assert!(written.contains(head.as_str().expect("a hash")), "{head} of {written}");

        as_superuser(&world, "UPDATE audit_texts SET text = '{\"error_message\": \"yes\"}'").await;
        let (code, report) = world.cli(&["audit", "verify"]).await.expect("it");
        assert_eq!((code, &report["holds"]), (1, &json!(false)), "{report}");
        assert_eq!(flaws(&report), ["changed_text", "changed_text"]);
        let project = world.project.id.to_string();
        assert_eq!(report["findings"][0]["project_id"], json!(project));
        let (code, report) =
            world.cli(&["audit", "verify", "--project", &project]).await.expect("it");
        assert_eq!((code, flaws(&report).len()), (1, 2), "{report}");
    });
}

#[test]
fn a_worker_begins_with_where_chains_end_that_nobody_adds_to_any_more() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (world, heads) = linked_world(folder.path()).await;
        std::fs::remove_file(&heads).expect("what was written is lost");
        let elsewhere = folder.path().join("elsewhere.jsonl");
        link(&world, &elsewhere).await;
        let elsewhere = elsewhere.to_string_lossy().into_owned();
        let all = "DELETE FROM audit_chain; DELETE FROM audit_entries; DELETE FROM audit_texts";
        as_superuser(&world, all).await;
        let (code, report) =
            world.cli(&["audit", "verify", "--heads", &elsewhere]).await.expect("it");
        assert_eq!(code, 1, "{report}");
        assert!(flaws(&report).contains(&"missing_head"), "{report}");
    });
}

#[test]
fn a_line_that_a_full_disk_cut_off_is_passed_over_and_counted() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (world, heads) = linked_world(folder.path()).await;
        let written = std::fs::read_to_string(&heads).expect("a file");
        let line = written.lines().next().expect("a line");
        std::fs::write(&heads, format!("{}\n{written}", &line[..40])).expect("a file");
        let (code, report) = world.cli(&["audit", "verify", "--heads", &heads]).await.expect("it");
        assert_eq!((code, &report["holds"]), (0, &json!(true)), "{report}");
        assert_eq!(report["heads_cut_off"], 1, "{report}");
        let (_, report) = world.cli(&["audit", "verify"]).await.expect("it");
        assert_eq!(report["heads_cut_off"], 0, "{report}");
    });
}

#[test]
fn an_end_that_was_cut_off_is_missed_and_a_file_without_heads_is_rejected() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (world, heads) = linked_world(folder.path()).await;
        as_superuser(
            &world,
            "DELETE FROM audit_chain; DELETE FROM audit_entries; DELETE FROM audit_texts",
        )
        .await;
        let (code, report) = world.cli(&["audit", "verify"]).await.expect("it");
        assert_eq!((code, &report["links"]), (0, &json!(0)), "{report}");
        let (code, report) = world.cli(&["audit", "verify", "--heads", &heads]).await.expect("it");
        assert_eq!(code, 1, "{report}");
        assert!(flaws(&report).contains(&"missing_head"), "{report}");

        std::fs::write(&heads, "[]\n").expect("a file");
        let (code, report) = world.cli(&["audit", "verify", "--heads", &heads]).await.expect("it");
        assert_eq!(code, 1, "{report}");
        let message = report["error"]["message"].as_str().expect("a message");
        assert!(message.starts_with("heads line 1 must be a JSON object with"), "{message}");
    });
}

#[test]
fn an_export_has_every_entry_with_its_text_and_ends_with_the_heads() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (world, _) = linked_world(folder.path()).await;
        let exported = async |format: &str| {
            let mut command = world.command(&["audit", "export", "--format", format]).expect("it");
            let output = command.output().await.expect("it");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("text")
        };
        let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entries")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        let text = exported("jsonl").await;
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let end = lines.pop().expect("an end");
        let ends = list_heads(&world.pool).await.expect("heads");
        assert_eq!(end, json!({"heads": ends.iter().map(HeadLine::from).collect::<Vec<_>>()}));
        assert_eq!(i64::try_from(lines.len()).ok(), Some(entries));
        assert!(lines.iter().any(|entry| entry["detail"]["error_message"] == "no"), "{text}");
        let text = exported("csv").await;
        assert_eq!(text.lines().count(), 1 + lines.len() + ends.len(), "{text}");
        for format in ["xml", "csv"] {
            let (code, rejected) =
                world.cli(&["audit", "export", "--format", format]).await.expect("it");
            assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
        }
    });
}

#[test]
fn a_worker_that_is_killed_is_followed_by_another_and_the_chain_holds() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let add = "INSERT INTO audit_entries (id, at, actor, action, project_id, detail)
                   SELECT gen_random_uuid(), now() - n * interval '1 second', 'cli:bob', 'incident.acknowledged', id, '{\"note\": \"on it\"}'
                   FROM projects, generate_series(10, 6000) AS n";
        sqlx::query(add).execute(&world.pool).await.expect("entries");
        let count = async |sql: &'static str| -> i64 {
            sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count")
        };
        let links = "SELECT count(*) FROM audit_chain";
        let mut first = world.command(&["worker"]).expect("it").spawn().expect("a worker");
        eventually("the first links", async || (count(links).await > 0).then_some(())).await;
        first.kill().await.expect("a kill");
        let _second = world.command(&["worker"]).expect("it").spawn().expect("a worker");
        let left = "SELECT count(*) FROM audit_entries e WHERE NOT EXISTS (SELECT FROM audit_chain WHERE entry_id = e.id)";
        eventually("the last link", async || (count(left).await == 0).then_some(())).await;
        let (code, report) = world.cli(&["audit", "verify"]).await.expect("it");
        assert_eq!((code, &report["links"]), (0, &json!(count(links).await)), "{report}");
    });
}
