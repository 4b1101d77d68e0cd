//! The client files against the product: what their tests take the server to say, it says.

use std::path::Path;

use e2e::{World, eventually};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::clients::{interpreters, root};

/// A language, and a program that makes the calls of its argument, prints for each the event's id
/// or `-`, and then tries to send what waits for as many seconds as its second argument says.
struct Language {
    name: &'static str,
    client: &'static str,
    program: &'static [&'static str],
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "node",
        client: "node/sendpromptly.mjs",
        program: &[
            "--input-type=module",
            "-e",
            "import { Client } from './sendpromptly.mjs';
const client = new Client();
for (const [path, fields, status] of JSON.parse(process.argv[1])) {
  const response = await (path === 'receipt' ? client.receipt(fields) : client.result(status, fields));
  console.log(response?.event_id ?? '-');
}
await client.flush(1000 * process.argv[2]);",
        ],
    },
    Language {
        name: "python3",
        client: "python/sendpromptly.py",
        program: &[
            "-B",
            "-c",
            "import json, sys, sendpromptly
client = sendpromptly.Client()
for path, fields, status in json.loads(sys.argv[1]):
    response = client.receipt(**fields) if path == 'receipt' else client.result(status, **fields)
    print((response or {}).get('event_id', '-'))
client.flush(float(sys.argv[2]))",
        ],
    },
    Language {
        name: "php",
        client: "php/SendPromptly.php",
        program: &[
            "-r",
            "require 'SendPromptly.php'; $client = new SendPromptly\\Client();
foreach (json_decode($argv[1], true) as [$path, $fields, $status]) {
    $response = $path === 'receipt' ? $client->receipt($fields) : $client->result($status, $fields);
    echo $response['event_id'] ?? '-', \"\\n\";
}
$client->flush((float) $argv[2]);",
            "--",
        ],
    },
    Language {
        name: "ruby",
        client: "ruby/sendpromptly.rb",
        program: &[
            "-e",
            "require './sendpromptly'; client = SendPromptly.new
JSON.parse(ARGV[0]).each do |path, fields, status|
  response = path == 'receipt' ? client.receipt(fields) : client.result(status, fields)
  puts response ? response['event_id'] : '-'
end
client.flush(ARGV[1].to_f)",
        ],
    },
];

/// How long a client tries to send what the server takes.
const LONG: u8 = 10;

/// Makes the calls in a folder that holds the client file and its spool, to an address with a key, and tries for so many
/// seconds to send what waits; gives what was printed, and logged.
async fn send(
    language: &Language,
    folder: &Path,
    (url, key): (&str, &str),
    calls: &Value,
    seconds: u8,
) -> (Vec<String>, String) {
    let program = interpreters().get(language.name).map_or(language.name, String::as_str);
    let file = root().join("clients").join(language.client);
    let copy = folder.join(file.file_name().expect("a name"));
    std::fs::copy(&file, copy).expect("a copy");
    let output = Command::new(program)
        .current_dir(folder)
        .args(language.program)
        .args([calls.to_string(), seconds.to_string()])
        .env("SENDPROMPTLY_URL", url)
        .env("SENDPROMPTLY_KEY", key)
        .env("SENDPROMPTLY_SPOOL", folder.join("spool"))
        .kill_on_drop(true)
        .output()
        .await
        .expect("an end");
    let printed = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    (printed, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn receipt(more: &Value) -> Value {
    let mut fields = e2e::world::receipt("evt_1");
    fields.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    fields
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.filter_map(Result::ok).filter(|entry| entry.path().is_file()).count()
}

#[test]
fn every_client_tells_apart_what_the_product_tells_apart() {
    e2e::run(async {
        let world = World::start().await;
        for language in LANGUAGES {
            tells_apart(&world, &language).await;
        }
    });
}

async fn tells_apart(world: &World, language: &Language) {
    let team = language.name;
    let apart = [
        json!({"internal_reference": format!("{team}-1"), "effect_key": "a"}),
        json!({"internal_reference": team, "effect_key": "1-a"}),
        json!({"internal_reference": format!("{team}-1-a")}),
        json!({"internal_reference": format!("{team}-1-a"), "effect_type": "seat_update"}),
        json!({"internal_reference": format!("{team}-1-a"), "provider": "paddle", "event_type": "transaction.completed"}),
    ];
    let events = apart.map(|more| receipt(&more));
    let receipts = events.iter().map(|event| json!(["receipt", event, null]));
    let failures = events.iter().map(|event| json!(["result", event, "failed"]));
    let successes = events.iter().map(|event| json!(["result", event, "success"]));
    let calls: Value = receipts.chain(failures).chain(successes).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let home = (world.url.as_str(), world.key.reveal());
    let (ids, logged) = send(language, folder.path(), home, &calls, LONG).await;
    assert_eq!((ids.len(), logged.as_str()), (15, ""), "{team}: {ids:?}");
    let mut distinct = ids[..5].to_vec();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 5, "{team}: {ids:?}");
    assert_eq!((&ids[5..10], &ids[10..]), (&ids[..5], &ids[..5]), "{team}");
}

#[test]
fn every_client_keeps_what_a_wrong_key_or_address_costs_and_sets_aside_what_nobody_knows() {
    e2e::run(async {
        let world = World::start().await;
        let stranger = e2e::world::new_key().expect("a key");
        let all = LANGUAGES.iter().map(|language| keeps(&world, stranger.reveal(), language));
        join_all(all).await;
        let events = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM payment_events");
        assert_eq!(events.fetch_one(&world.pool).await.expect("a count"), 4);
    });
}

async fn keeps(world: &World, stranger: &str, language: &Language) {
    let (name, folder) = (language.name, tempfile::tempdir().expect("a folder"));
    let spool = folder.path().join("spool");
    let calls = json!([["receipt", receipt(&json!({"internal_reference": name})), null]]);
    let home @ (url, key) = (world.url.as_str(), world.key.reveal());
    let elsewhere = format!("{url}/elsewhere");
    for (wrong, cure) in [
        ((url, stranger), "check SENDPROMPTLY_KEY"),
        ((elsewhere.as_str(), key), "check SENDPROMPTLY_URL"),
    ] {
        // Some clients ask again and again in all of this time.
        let (ids, logged) = send(language, folder.path(), wrong, &calls, 2).await;
        assert_eq!(ids, ["-"], "{name}");
        assert!(logged.contains(cure), "{name}: {logged}");
    }
    assert_eq!(files(&spool), 2, "{name}");
    let unknown = json!([["result", {"event_id": "ev_01KAK0T7Y3F8M2V4B6N0C1D5E9"}, "success"]]);
    let (ids, logged) = send(language, folder.path(), home, &unknown, LONG).await;
    assert_eq!(ids, ["-"], "{name}");
    assert!(logged.contains("was rejected: 404"), "{name}: {logged}");
    eventually("an empty spool", async || {
        send(language, folder.path(), home, &json!([]), LONG).await;
        (files(&spool) == 0).then_some(())
    })
    .await;
    assert_eq!(files(&spool.join("rejected")), 1, "{name}: {logged}");
}
