//! What `dev` says: on standard error while it starts, and on standard output once it is ready.

use std::io::{Write, stderr, stdout};

use serde::Serialize;

use super::first_run::{FirstRun, OperatorLogin};
use crate::Context;
use crate::local::{self, DevState};
use crate::text::invoked_as;

/// The line of `--json`.
#[derive(Serialize)]
struct Ready<'a> {
    url: &'a str,
    temporal_address: &'a str,
    temporal_namespace: &'a str,
    database_url: &'a str,
    project_id: String,
    api_key: &'a str,
    signing_secret: &'a str,
    operator: &'a OperatorLogin,
}

/// Prints to the terminal.
pub(super) fn say(line: &str) {
    // There may be no reader; there is nothing to be done about that.
    let _said = writeln!(stderr(), "{line}");
}

/// Says that everything is ready, and where.
pub(super) fn print(
    state: &DevState,
    first_run: &FirstRun,
    context: &Context,
) -> anyhow::Result<()> {
    let text = if context.json {
        serde_json::to_string(&ready(state, first_run))?
    } else {
        human(state, first_run, context)
    };
    writeln!(stdout(), "{text}")?;
    Ok(stdout().flush()?)
}

fn ready<'a>(state: &'a DevState, first_run: &'a FirstRun) -> Ready<'a> {
    Ready {
        url: &state.url,
        temporal_address: &state.temporal_address,
        temporal_namespace: &state.temporal_namespace,
        database_url: &state.database_url,
        project_id: first_run.project_id.to_string(),
        api_key: &first_run.api_key,
        signing_secret: &first_run.signing_secret,
        operator: &first_run.operator,
    }
}

fn human(state: &DevState, first_run: &FirstRun, context: &Context) -> String {
    let mails = match context.environment.smtp_url() {
        Ok(Some(_)) => "sent by SMTP_URL".to_owned(),
        _ => format!("files in {}", local::mail_dir(&context.data_dir).display()),
    };
    let OperatorLogin { email, password } = &first_run.operator;
    let [receipt, success, other_receipt, failure] =
        [RECEIPT, SUCCESS, OTHER_RECEIPT, FAILURE].map(|call| curl(state, first_run, call));
    format!(
        "
sendpromptly is ready

  API and console   {url}
  Sign in as        {email}
  Password          {password}
  Temporal          {temporal}  (web: {ui})
  Mails             {mails}

  Project           {project}
  API key           {key}
  Signing secret    {secret}

{shop}The two calls, ready to paste. A receipt:

{receipt}

Its result, applied:

{success}

Another payment, whose result is a failure. It opens an incident:

{other_receipt}

{failure}

In another terminal, in this folder:

  {program} demo             shows the whole product in two minutes
  {program} incident list

Ctrl-C stops everything.
",
        program = invoked_as(),
        shop = shop(state, first_run, context),
        url = state.url,
        temporal = state.temporal_address,
        ui = state.temporal_ui_url,
        project = first_run.project_id,
        key = first_run.api_key,
        secret = first_run.signing_secret,
    )
}

/// Where the built-in test shop is, unless it is off.
fn shop(state: &DevState, first_run: &FirstRun, context: &Context) -> String {
    if !context.environment.test_shop(true).unwrap_or(false) {
        return String::new();
    }
    format!(
        "Without an app, in the browser: a payment that fails, its alert and its repair

  {url}/projects/{project}/test-shop

",
        url = state.url,
        project = first_run.project_id,
    )
}

/// A call: its path, the idempotency key that the documents advise, and its body.
type Call = (&'static str, &'static str, &'static str);

const RECEIPT: Call = (
    "receipt",
    "receipt-evt_hello-invoice.paid-credit_grant",
    r#"{"provider":"stripe","provider_event_id":"evt_hello","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","occurred_at":"2026-01-01T12:00:00Z"}"#,
);
const SUCCESS: Call = (
    "result",
    "result-evt_hello-credit_grant-success",
    r#"{"provider_event_id":"evt_hello","effect_type":"credit_grant","status":"success"}"#,
);
const OTHER_RECEIPT: Call = (
    "receipt",
    "receipt-evt_unlucky-invoice.paid-credit_grant",
    r#"{"provider":"stripe","provider_event_id":"evt_unlucky","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","occurred_at":"2026-01-01T12:00:00Z"}"#,
);
const FAILURE: Call = (
    "result",
    "result-evt_unlucky-credit_grant-failed",
    r#"{"provider_event_id":"evt_unlucky","effect_type":"credit_grant","status":"failed","error_code":"db_write_failed","error_message":"disk full"}"#,
);

fn curl(state: &DevState, first_run: &FirstRun, (path, key, body): Call) -> String {
    format!(
        "curl -sS {url}/api/v1/{path} \\
  -H 'Authorization: Bearer {api_key}' \\
  -H 'Idempotency-Key: {key}' \\
  -H 'Content-Type: application/json' \\
  -d '{body}'",
        url = state.url,
        api_key = first_run.api_key,
    )
}
