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
    let filter = match environment.log()? {
        None => EnvFilter::new(default),
        Some(wanted) => EnvFilter::try_new(wanted).map_err(|error| ConfigError::Malformed {
            name: LOG,
            problem: format!("must be a filter such as info or store=debug,info ({error})"),
        })?,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match environment.log_format()? {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => {
            lines.with_ansi(stderr().is_terminal() && text::colour_is_wanted()).init();
        }
    }
    Ok(())
}
