//! Golden histories: what earlier versions of the watch did, replayed against the code of today.
//!
//! A change of the watch that would break watches that run in production fails here first. With
//! `RECORD_HISTORIES` set (`make histories`) each story, or those it names, is run and recorded
//! before the replay: its history becomes a new file unless one of the same shape is there already.
//! Old files stay, because each represents watches that may still be running. A story that does not
//! run to its end leaves no file.

mod bulk;
mod changed;
mod probe;
mod record;
mod retention;
mod stories;
mod upgrade;

use std::fs;
use std::path::{Path, PathBuf};

use e2e::run;
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayFailure, WorkflowReplayer, WorkflowReplayerOptions,
};
use temporalio_workflow::workflows::WorkflowImplementation;
use tokio::sync::OnceCell;
use workflows::EffectWatch;

static RECORDED: OnceCell<()> = OnceCell::const_new();

fn folder() -> PathBuf {
    folder_of("EffectWatch")
}

fn folder_of(workflow: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../temporal/histories").join(workflow)
}

/// Every golden history with its file's name, after new ones were recorded if that is wanted.
async fn golden() -> Vec<(String, Vec<u8>)> {
    RECORDED
        .get_or_init(async || {
            if let Ok(wanted) = std::env::var("RECORD_HISTORIES")
                && ![probe::STORY, retention::STORY, bulk::STORY].contains(&wanted.as_str())
            {
                record::record(&folder(), &wanted).await;
            }
        })
        .await;
    read(&folder())
}

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder of histories")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}

/// The golden histories of a workflow with one story, after that was played and recorded if it is
/// wanted.
async fn golden_of(
    workflow: &str,
    story: &str,
    recorded: &OnceCell<()>,
    play: impl AsyncFnOnce() -> Vec<u8>,
) -> Vec<(String, Vec<u8>)> {
    let folder = folder_of(workflow);
    recorded
        .get_or_init(async || {
            if std::env::var("RECORD_HISTORIES")
                .is_ok_and(|wanted| wanted == "1" || wanted == story)
            {
                fs::create_dir_all(&folder).expect("a folder");
                record::keep_scrubbed(&folder, story, &play().await);
            }
        })
        .await;
    read(&folder)
}

pub(super) fn replayer<W: WorkflowImplementation>() -> WorkflowReplayer
where
    <W::Run as temporalio_common::WorkflowDefinition>::Input: Send,
{
    let registered = WorkflowReplayerOptions::new().register_workflow::<W>();
    WorkflowReplayer::new(registered.expect("a workflow").build()).expect("a replayer")
}

pub(super) async fn replay(
    replayer: &WorkflowReplayer,
    json: &[u8],
) -> Result<(), WorkflowReplayError> {
    replayer.replay_workflow(WorkflowHistory::from_json(json).expect("a history")).await
}

/// The workflow gives the commands of each history.
async fn assert_fits<W: WorkflowImplementation>(golden: Vec<(String, Vec<u8>)>)
where
    <W::Run as temporalio_common::WorkflowDefinition>::Input: Send,
{
    let replayer = replayer::<W>();
    for (name, json) in golden {
        let outcome = replay(&replayer, &json).await;
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}

/// A workflow whose commands come in another order fails each replay with a drift that the SDK
/// names.
async fn assert_drifts<W: WorkflowImplementation>(golden: Vec<(String, Vec<u8>)>)
where
    <W::Run as temporalio_common::WorkflowDefinition>::Input: Send,
{
    let replayer = replayer::<W>();
    for (name, json) in golden {
        let outcome = replay(&replayer, &json).await;
        let Err(WorkflowReplayError::Replay(WorkflowReplayFailure::Nondeterminism { message })) =
            outcome
        else {
            panic!("{name}: {outcome:?}");
        };
        assert!(message.contains("TMPRL1100"), "{name}: {message}");
    }
}

#[test]
fn every_golden_history_is_replayed_without_a_mismatch() {
    run(async {
        assert_fits::<EffectWatch>(golden().await).await;
    });
}

#[test]
fn a_run_that_a_worker_without_extensions_went_on_with_asks_none() {
    run(async {
        let replayer = replayer::<EffectWatch>();
        for (name, json) in golden().await {
            let text = String::from_utf8(json).expect("text");
            if text.contains("record_answer") {
                continue;
            }
            for ask_before_ms in [1, 3_600_000] {
                let json = upgrade::with_unread_extensions(text.as_bytes(), ask_before_ms);
                let outcome = replay(&replayer, &json).await;
                assert!(outcome.is_ok(), "{name}: {outcome:?}");
            }
        }
    });
}

#[test]
fn every_story_has_a_golden_history() {
    run(async {
        let golden = golden().await;
        for story in stories::NAMES {
            assert!(golden.iter().any(|(name, _)| name == story), "no history of {story}");
        }
    });
}

#[test]
fn a_watch_that_gives_its_commands_in_another_order_fails_the_replay() {
    run(async {
        assert_drifts::<changed::EffectWatch>(golden().await).await;
    });
}

#[test]
fn golden_histories_name_no_machine() {
    run(async {
        let others = [probe::golden().await, retention::golden().await, bulk::golden().await];
        let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
        for (name, json) in golden().await.into_iter().chain(others.concat()) {
            let text = String::from_utf8(json).expect("text");
            let pid = format!("{}@", std::process::id());
            for word in ["@", "/home/", "/root/", "/tmp/", &pid] {
                assert!(!text.contains(word), "{name} holds {word}");
            }
            assert!(host.trim().len() < 4 || !text.contains(host.trim()), "{name} holds the host");
        }
    });
}
