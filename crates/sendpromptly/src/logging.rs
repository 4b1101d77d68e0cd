//! The log: lines on standard error, so that standard output is the command's own.

mod repeats;

use std::io::{IsTerminal, stderr};

use telemetry::trace::Exporter;
use tracing::Subscriber;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{ConfigError, Environment, LOG, LogFormat};
use crate::text;

use repeats::Repeats;

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
    let repeats = Repeats::default();
    let lines = lines(environment.log_format()?).with_filter(filter.and(repeats.clone()));
    let exporter = Exporter::from_environment(env!("CARGO_PKG_VERSION")).transpose();
    let exporter = exporter.map_err(|(name, problem)| ConfigError::Malformed { name, problem })?;
    tracing_subscriber::registry().with(lines).init();
    if let Some(exporter) = &exporter {
        exporter.install();
    }
    repeats.count();
    Ok(exporter)
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
