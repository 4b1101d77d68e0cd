use super::super::Status;
use super::*;

fn seen(state: ReprocessState, status: Option<i32>) -> Seen {
    let answer = Some("no such\naccount".into());
    let last = CallbackAttempt { status, error: None, answer, ..samples::attempt() };
    Seen { state, last: Some(last), error_code: Some(ERROR_CODE.into()) }
}

#[test]
fn an_endpoint_that_takes_the_callback_and_says_nothing_is_told_what_to_call() {
    let waiting = seen(ReprocessState::AwaitingResult, Some(204));
    assert!(!waiting.is_over());
    let check = judge(&waiting);
    assert_eq!(check.status, Status::Fail);
    assert_eq!(
        check.message,
        "the endpoint took the callback, but no result came within 20 s: it must call POST \
         /api/v1/result with the replay_id"
    );
}

#[test]
fn a_result_with_the_replay_id_is_what_is_wanted_whatever_it_says() {
    for state in [ReprocessState::Succeeded, ReprocessState::Failed] {
        let reported = Seen { error_code: Some("no_account".into()), ..seen(state, Some(202)) };
        assert!(reported.is_over());
        assert_eq!(judge(&reported).status, Status::Pass, "{state}");
    }
}

#[test]
fn a_failure_without_the_replay_id_is_told_from_silence() {
    let waiting = seen(ReprocessState::AwaitingResult, Some(200));
    let reported = Seen { error_code: Some("no_account".into()), ..waiting };
    assert!(reported.is_over());
    let check = judge(&reported);
    assert!(check.status == Status::Fail && check.message.contains("without the replay_id"));
}

#[test]
fn a_callback_that_is_not_taken_is_shown_with_its_answer_at_once() {
    for state in [ReprocessState::Delivering, ReprocessState::Undelivered] {
        let rejected = seen(state, Some(422));
        assert!(rejected.is_over());
        let check = judge(&rejected);
        assert_eq!(check.status, Status::Fail);
        assert!(check.message.contains("answered 422, \"no such account\""), "{}", check.message);
    }
}

#[test]
fn without_a_worker_nothing_is_said_of_the_endpoint() {
    let waiting = Seen { last: None, ..seen(ReprocessState::Requested, None) };
    assert!(!waiting.is_over());
    assert_eq!(judge(&waiting).status, Status::Warn);
    let slow = seen(ReprocessState::Delivering, None);
    assert!(!slow.is_over());
    assert_eq!(judge(&slow).status, Status::Fail);
}

#[tokio::test]
async fn nothing_is_made_up_in_a_live_project() {
    // Nothing listens there: code that queried the database would fail.
    let pool =
        store::pool::connect_lazily("postgres://nobody@127.0.0.1:1/none", 1).expect("a pool");
    let key = MasterKey::parse(&MasterKey::generate()).expect("a key");
    let live = Project { mode: Mode::Live, ..samples::project() };
    let check = check(&pool, &key, &live).await.expect("a check");
    assert_eq!(check.status, Status::Skip);
    assert!(check.message.contains("live"), "{}", check.message);
}
