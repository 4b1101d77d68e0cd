use activities::http::ErrorClass;

use super::super::Status;
use super::*;

fn answered(status: u16, latency_ms: i64) -> Answer {
    Answer { status, retry_after: None, excerpt: String::new(), latency_ms }
}

fn unanswered() -> ExchangeError {
    let message = "connection refused".to_owned();
    ExchangeError { class: ErrorClass::Connect, message, latency_ms: 1 }
}

fn statuses(good: Outcome, bad_signature: Outcome, stale: Outcome) -> Vec<Status> {
    let checks = judge(&Outcomes { good, bad_signature, stale });
    checks.into_iter().map(|check| check.status).collect()
}

#[test]
fn a_careful_endpoint_passes_everything() {
    let found = statuses(Ok(answered(204, 20)), Ok(answered(401, 20)), Ok(answered(400, 20)));
    assert_eq!(found, [Status::Pass; 5]);
}

#[test]
fn an_endpoint_that_takes_anything_fails() {
    let found = statuses(Ok(answered(200, 20)), Ok(answered(200, 20)), Ok(answered(200, 20)));
    assert_eq!(found, [Status::Pass, Status::Fail, Status::Fail, Status::Pass, Status::Pass]);
}

#[test]
fn refusing_everything_proves_nothing_about_signatures() {
    let found = statuses(Ok(answered(401, 20)), Ok(answered(401, 20)), Ok(answered(401, 20)));
    assert_eq!(found, [Status::Fail, Status::Skip, Status::Skip, Status::Pass, Status::Pass]);
}

#[test]
fn a_redirect_is_a_failure_by_its_own_name() {
    let found = statuses(Ok(answered(302, 20)), Ok(answered(302, 20)), Ok(answered(302, 20)));
    assert_eq!(found[0], Status::Fail);
    assert_eq!(found[3], Status::Fail);
}

#[test]
fn a_slow_answer_is_a_warning() {
    let found = statuses(Ok(answered(200, 5_001)), Ok(answered(401, 20)), Ok(answered(401, 20)));
    assert_eq!(found[4], Status::Warn);
}

#[test]
fn an_endpoint_that_is_not_there_fails_once() {
    let found = statuses(Err(unanswered()), Err(unanswered()), Err(unanswered()));
    assert_eq!(found, [Status::Fail, Status::Skip, Status::Skip, Status::Skip, Status::Skip]);
}

#[test]
fn an_endpoint_that_only_dislikes_the_probes_content_is_warned() {
    let check = judge_good(&Ok(answered(422, 20)));
    assert_eq!(check.status, Status::Warn);
    assert!(check.message.contains("type is probe"), "{}", check.message);
}
