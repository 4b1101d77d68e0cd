//! The log: lines on standard error, so that standard output is the command's own.
//!
//! What reads a service's log in JSON reads nothing else: a panic, and the error that ends the
//! process, are lines of it like others.

mod repeats;

use std::io::{IsTerminal, stderr};
use std::panic::{PanicHookInfo, set_hook, take_hook};

use telemetry::trace::Exporter;
use tracing::{Level, Subscriber, enabled};
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{ConfigError, Environment, LOG, LogFormat};
use crate::text;

use repeats::Repeats;

/// The target of the lines of panics.
const PANIC: &str = "panic";

/// Starts to log, as `SENDPROMPTLY_LOG` says, else by the command's own filter.
///
/// # Errors
/// When the filter or the format cannot be read.
pub fn start(environment: &Environment, default: &str) -> Result<(), ConfigError> {
    start_with(wanted_filter(environment, default)?, environment.log_format()?);
    Ok(())
}

/// Starts to log with the defaults in place of what cannot be read: for the command that names such
/// mistakes.
pub fn start_regardless(environment: &Environment, default: &str) {
    let filter = read_filter(environment).ok().flatten();
    let format = environment.log_format().unwrap_or(LogFormat::Text);
    start_with(filter.unwrap_or_else(|| EnvFilter::new(default)), format);
}

/// What is wrong with the settings of the log.
pub fn find_mistakes(environment: &Environment) -> Vec<ConfigError> {
    [read_filter(environment).err(), environment.log_format().err()].into_iter().flatten().collect()
}

fn read_filter(environment: &Environment) -> Result<Option<EnvFilter>, ConfigError> {
    let Some(wanted) = environment.log()? else { return Ok(None) };
    let filter = EnvFilter::try_new(wanted).map_err(|error| ConfigError::Malformed {
        name: LOG,
        problem: format!("must be a filter such as info or store=debug,info ({error})"),
    })?;
    Ok(Some(filter))
}

fn wanted_filter(environment: &Environment, default: &str) -> Result<EnvFilter, ConfigError> {
    Ok(read_filter(environment)?.unwrap_or_else(|| EnvFilter::new(default)))
}

fn start_with(filter: EnvFilter, format: LogFormat) {
    tracing_subscriber::registry().with(lines(format).with_filter(filter)).init();
}

/// The same for a service, whose spans may also be exported. The value ends the export.
///
/// # Errors
/// As [`start`], and when the settings of the export cannot be used.
pub fn start_service(
    environment: &Environment,
    default: &str,
) -> Result<Option<Exporter>, ConfigError> {
    let filter = wanted_filter(environment, default)?;
    let (repeats, format) = (Repeats::default(), environment.log_format()?);
    let lines = lines(format).with_filter(filter.and(repeats.clone()));
    tracing_subscriber::registry().with(lines).init();
    if format == LogFormat::Json {
        log_panics();
    }
    let exporter = Exporter::from_environment(env!("CARGO_PKG_VERSION")).transpose();
    let exporter = exporter.map_err(|(name, problem)| ConfigError::Malformed { name, problem })?;
    if let Some(exporter) = &exporter {
        exporter.install();
    }
    repeats.count();
    Ok(exporter)
}

/// Whether errors are lines of JSON here, so that their reader expects nothing else.
pub fn is_json(environment: &Environment) -> bool {
    environment.log_format().is_ok_and(|format| format == LogFormat::Json) && enabled!(Level::ERROR)
}

/// Makes a panic a line of the log, where the log shows it.
fn log_panics() {
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        if enabled!(target: PANIC, Level::ERROR) { log_panic(panic) } else { before(panic) }
    }));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let (thread, at) = (std::thread::current(), panic.location().map(ToString::to_string));
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("without a message");
    tracing::error!(target: PANIC, at, thread = thread.name(), "panicked: {text}");
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    match format {
        LogFormat::Json => Box::new(lines.json()),
        LogFormat::Text => {
            Box::new(lines.with_ansi(stderr().is_terminal() && text::colour_is_wanted()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_panic_is_a_line_of_json_that_says_where_and_in_what() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let file = log.reopen().expect("a file");
        let layer = tracing_subscriber::fmt::layer().with_writer(file).json();
        let before = take_hook();
        log_panics();
        let lines = tracing_subscriber::registry().with(layer);
        let ended = tracing::subscriber::with_default(lines, || {
            let _request = tracing::info_span!("request", request_id = "req_1").entered();
            catch_unwind(|| panic!("no \"room\"\nfor alice"))
        });
        set_hook(before);
        assert!(ended.is_err());
        let text = std::fs::read_to_string(log.path()).expect("the log");
        let line: serde_json::Value = serde_json::from_str(text.trim()).expect("one line of JSON");
        assert_eq!(line["fields"]["message"], "panicked: no \"room\"\nfor alice");
        assert!(line["fields"]["at"].as_str().is_some_and(|at| at.contains("logging.rs:")));
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["target"], "panic");
        assert_eq!(line["span"]["request_id"], "req_1");
    }
}
