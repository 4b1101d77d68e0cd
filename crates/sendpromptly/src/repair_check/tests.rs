use activities::http::ErrorClass;
use domain::alert::one_line;

use super::*;

fn answered(status: u16, latency_ms: i64) -> HttpResponse {
    HttpResponse {
        status,
        retry_after: None,
        redirect_to: None,
        excerpt: String::new(),
        latency_ms,
    }
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
fn rejecting_everything_proves_nothing_about_signatures() {
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
fn a_redirects_target_is_named_as_the_address_to_save() {
    let target = Some("https://www.example.com/repair".to_owned());
    let moved = || Ok(HttpResponse { redirect_to: target.clone(), ..answered(308, 20) });
    let checks = judge(&Outcomes { good: moved(), bad_signature: moved(), stale: moved() });
    let (good, redirect) = (&checks[0].message, &checks[3].message);
    assert_eq!(good, "answers 308 to https://www.example.com/repair, which is not followed");
    assert_eq!(
        redirect,
        "answers 308 to https://www.example.com/repair: redirects are never followed, save that address as the repair URL"
    );
}

#[test]
fn what_a_failing_endpoint_says_is_read_to_its_end_on_one_line() {
    let excerpt = "the raw body is needed before any parser:\n  express.json() ran first, so there is \
                only an object here; mount express.raw({ type: \"application/json\" }) on this route";
    let response = HttpResponse { excerpt: excerpt.to_owned(), ..answered(500, 20) };
    let message = judge_good(&Ok(response)).message;
    assert!(message.contains(&one_line(excerpt)), "{message}");
    assert!(!message.contains('\n'), "{message}");
    let endless = HttpResponse { excerpt: "x".repeat(2_000), ..answered(500, 20) };
    let message = judge_good(&Ok(endless)).message;
    assert!(message.contains(&"x".repeat(300)) && !message.contains(&"x".repeat(301)));
    let bare = judge_good(&Ok(answered(500, 20))).message;
    assert!(bare.starts_with("answered 500: "), "{bare}");
    assert!(bare.contains("raw body"), "{bare}");
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
