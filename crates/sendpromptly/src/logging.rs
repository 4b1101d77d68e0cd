//! The log: lines on standard error, so that standard output is the command's own.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Environment, LOG, LogFormat};
use crate::text;

/// Starts to log, as `SENDPROMPTLY_LOG` says, else by the command's own filter.
///
/// # Errors
/// When the filter or the format cannot be read.
pub fn start(environment: &Environment, default: &str) -> Result<(), ConfigError> {
    let filter = read_filter(environment)?.unwrap_or_else(|| EnvFilter::new(default));
    start_with(filter, environment.log_format()?);
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

fn start_with(filter: EnvFilter, format: LogFormat) {
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => {
            lines.with_ansi(stderr().is_terminal() && text::colour_is_wanted()).init();
        }
    }
}
