//! The checks of the installation's own parts: those of `/readyz`, the master key, mail.

use std::sync::Arc;

use domain::web_origin::WebOrigin;
use engine::{Engine, Monitor, health, reconcile};
use store::health::read_work;
use store::pool::{self, Pooler};
use store::{MasterKey, PgPool};
use url::Url;

use super::Check;
use crate::admin_context::{DatabaseTarget, find_master_key};
use crate::cmd::worker;
use crate::config::{DATABASE_POOLER, MAIL_FROM, PUBLIC_URL, SMTP_URL};
use crate::local::DevState;
use crate::progress::while_waiting;
use crate::settings::UnknownSetting;
use crate::{Context, failure, local, logging, senders};

const SETTINGS: &str = "settings";
const PUBLIC: &str = "public_url";
const DATABASE: &str = "database";
const POOLER: &str = "pooler";
const KEY: &str = "master_key";
const SMTP: &str = "smtp";
const RESTORED: &str = "restored";

/// What later checks depend on.
pub(super) struct Database {
    /// The database, if it responds and is up to date.
    pub(super) pool: Option<PgPool>,
    /// The master key, if it opens what is there.
    pub(super) key: Option<MasterKey>,
    /// Where the database is, if that is known.
    pub(super) target: Option<DatabaseTarget>,
}

impl Database {
    /// Checks the database, what is in it, Temporal, and whether the work gets done.
    pub(super) async fn open(
        target: anyhow::Result<DatabaseTarget>,
        engine: &Arc<Engine>,
        context: &Context,
    ) -> (Self, Vec<Check>) {
        // The checks themselves wait for two seconds, which a first connection may need.
        let _reached = while_waiting("waiting for Temporal", engine.check()).await;
        let (mut opened, mut checks) = match target {
            Err(error) => {
                let mut checks = vec![Check::fail(DATABASE, failure::message(&error))];
                checks.extend(health::check_temporal(engine).await.into_iter().map(Check::from));
                (Self { pool: None, key: None, target: None }, checks)
            }
            Ok(target) => poll(target, engine, context).await,
        };
        let (key, check) = master_key(opened.pool.as_ref(), context).await;
        checks.push(check);
        opened.key = key;
        (opened, checks)
    }
}

/// Settings of this process that api or worker would not start with, and variables that look like
/// settings and are none. Those of api and worker are named in their logs.
pub(super) fn settings(unknown: &[UnknownSetting], context: &Context) -> Check {
    let environment = &context.environment;
    let mistakes = environment.mistakes().into_iter().chain(logging::find_mistakes(environment));
    let mistakes = mistakes.chain(worker::find_mistakes(environment));
    let mistakes: Vec<_> = mistakes.map(|error| error.to_string()).collect();
    if !mistakes.is_empty() {
        return Check::fail(SETTINGS, mistakes.join("; "));
    }
    if unknown.is_empty() {
        return Check::pass(SETTINGS, "every SENDPROMPTLY_ variable is a setting");
    }
    let said: Vec<_> = unknown.iter().map(ToString::to_string).collect();
    Check::warn(SETTINGS, said.join("; "))
}

/// Where people open the console. `dev` is on this machine, so it needs none.
pub(super) fn public_url(context: &Context, in_dev: bool) -> Check {
    let environment = &context.environment;
    let address = environment.listen().and_then(|listen| environment.public_url(listen));
    match address {
        Err(error) => Check::fail(PUBLIC, error.to_string()),
        Ok(url) if environment.public_url_is_set() => judge_public_url(url),
        Ok(_) if in_dev => Check::pass(PUBLIC, "not set: the console is on this machine"),
        Ok(url) => Check::warn(
            PUBLIC,
            format!(
                "{PUBLIC_URL} is not set: links lead to {url}, and who opens the console elsewhere \
                 cannot sign in; set it for api and worker to the address in their browser"
            ),
        ),
    }
}

/// Pages and forms name their paths from the root, and the session's cookie is a secure one.
fn judge_public_url(url: String) -> Check {
    let origin = WebOrigin::from_url(&url);
    let problem = if Url::parse(&url).is_ok_and(|url| url.path() != "/") {
        "the console does not work below a path; give it a host name of its own"
    } else if origin.is_some_and(|origin| !origin.keeps_sessions()) {
        "browsers keep no session over plain HTTP, so nobody can sign in to the console; put TLS in \
         front of it and set its https address"
    } else {
        return Check::pass(PUBLIC, url);
    };
    Check::warn(PUBLIC, format!("{PUBLIC_URL} is {url}: {problem}"))
}

/// Whether the database is older than what Temporal watches for it, as one is that was restored.
pub(super) async fn restored(engine: &Engine, pool: &PgPool) -> Check {
    match reconcile::count_lost(engine, pool).await {
        Ok((0, _)) => Check::pass(RESTORED, "the database has every event that is watched"),
        Ok((lost, of)) => Check::fail(
            RESTORED,
            format!(
                "of the latest {of} open watches {lost} are of events that the database does not have: it was \
                 restored to an earlier time; `sendpromptly reconcile --dry-run` shows what differs, and \
                 without --dry-run puts it right"
            ),
        ),
        Err(error) => {
            Check::skip(RESTORED, format!("Temporal does not say what it watches ({error})"))
        }
    }
}

/// Where the console should be found.
pub(super) fn console_url(context: &Context, dev: Option<&DevState>) -> Option<String> {
    match dev {
        Some(dev) => Some(dev.url.clone()),
        None => context.environment.public_url(context.environment.listen().ok()?).ok(),
    }
}

async fn poll(
    target: DatabaseTarget,
    engine: &Arc<Engine>,
    context: &Context,
) -> (Database, Vec<Check>) {
    let name = target.name(context);
    let pool = match target.connect_lazily() {
        Ok(pool) => pool,
        Err(error) => {
            let checks = vec![Check::fail(DATABASE, format!("{name}: {error}"))];
            return (Database { pool: None, key: None, target: Some(target) }, checks);
        }
    };
    let _reached =
        while_waiting(format!("waiting for {name}"), pool::pending_migrations(&pool)).await;
    let mut checks = vec![pooler(&pool, target.pooler).await];
    let monitor = Monitor::new(pool.clone(), Arc::clone(engine));
    let report = Box::pin(monitor.report()).await;
    let usable = report.accepts_receipts().then_some(pool);
    checks.extend(report.checks.into_iter().map(Check::from));
    (Database { pool: usable, key: None, target: Some(target) }, checks)
}

/// Whether a pooler in transaction mode is named. One that is not is found here before two clients
/// get in the way of each other.
async fn pooler(pool: &PgPool, named: Pooler) -> Check {
    if named == Pooler::Transaction {
        return Check::pass(POOLER, format!("transaction, as {DATABASE_POOLER} says"));
    }
    let asking = Box::pin(pool::share_sessions(pool));
    match while_waiting("waiting for the database", asking).await {
        Ok(false) => Check::pass(POOLER, "each connection has a session of its own"),
        Ok(true) => Check {
            cure: Some(format!("set {DATABASE_POOLER}=transaction for every api and worker")),
            ..Check::fail(POOLER, format!("{}, and is not named", pool::UNNAMED_POOLER))
        },
        Err(_) => Check::skip(POOLER, "not known, because the check database has failed"),
    }
}

/// The mail server, up to the point where a mail would be sent.
pub(super) async fn mail(context: &Context, in_dev: bool, pool: Option<&PgPool>) -> Check {
    let environment = &context.environment;
    let folder = in_dev.then(|| local::mail_dir(&context.data_dir));
    let server = match environment.smtp_url() {
        Ok(server) => server,
        Err(error) => return Check::fail(SMTP, error.to_string()),
    };
    if server.is_none() && folder.is_none() {
        let message = format!("{SMTP_URL} is not set: no alert can go by e-mail");
        return if is_needed(pool).await {
            Check::fail(SMTP, format!("{message}, and there are destinations that wait for it"))
        } else {
            Check::warn(SMTP, message)
        };
    }
    let sender = match senders::email(environment, folder.clone()) {
        Ok(sender) => sender,
        Err(error) => return Check::fail(SMTP, failure::message(&error)),
    };
    match while_waiting("waiting for the mail server", Box::pin(sender.check())).await {
        Err(rejected) => Check::fail(SMTP, rejected.answer),
        Ok(()) => match (server, folder) {
            (None, Some(folder)) => {
                Check::pass(SMTP, format!("mails become files in {}", folder.display()))
            }
            _ if environment.mail_from_is_set() => Check::pass(SMTP, "the mail server answers"),
            _ => Check::warn(
                SMTP,
                format!("the mail server answers, but {MAIL_FROM} is not set: it may refuse mails"),
            ),
        },
    }
}

/// Whether anyone is to be notified by e-mail.
async fn is_needed(pool: Option<&PgPool>) -> bool {
    match pool {
        Some(pool) => read_work(pool).await.is_ok_and(|work| work.email_destinations > 0),
        None => false,
    }
}

async fn master_key(pool: Option<&PgPool>, context: &Context) -> (Option<MasterKey>, Check) {
    let key = match find_master_key(context) {
        Ok(key) => key,
        Err(error) => return (None, Check::fail(KEY, failure::message(&error))),
    };
    let Some(pool) = pool else {
        return (None, Check::skip(KEY, "there is one, and no database to try it on"));
    };
    let check = health::check_master_key(pool, &key).await;
    let opens = check.status == health::Status::Ok;
    (opens.then_some(key), check.into())
}
