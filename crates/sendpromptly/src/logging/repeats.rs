//! One cause is logged once and then counted: a database that is away fails every request and every
//! loop, and a thousand lines of it hide what else is wrong.
//!
//! It concerns warnings and errors that name their cause, by a field `error`, `cause` or `why`. The
//! first of a place in the code and a cause is written; what follows is counted, whatever event or
//! request it is about, and once a minute one line says how many there were. A cause that was silent
//! for a minute is news again. Numbers in a cause do not tell it apart from another, and of more than
//! [`MOST_CAUSES`] causes in a minute those that come last are written each time. A process that ends
//! takes the counts of its last minute along.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// For how long what follows is counted.
const WINDOW: Duration = Duration::from_mins(1);
/// How often it is seen whether a window is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many causes are kept.
const MOST_CAUSES: usize = 1_000;
/// What names a cause.
const CAUSES: [&str; 3] = ["error", "cause", "why"];

/// Lets through the first line of each cause.
#[derive(Clone, Default)]
pub struct Repeats(Arc<Mutex<BTreeMap<Key, Counted>>>);

/// A place in the code and a cause without its numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    target: &'static str,
    line: u32,
    message: String,
    cause: String,
}

/// What followed a line that was written.
struct Counted {
    since: Instant,
    more: u64,
    is_error: bool,
    cause: String,
}

/// How many lines followed one that was written.
struct Summary {
    message: String,
    cause: String,
    more: u64,
    is_error: bool,
}

impl Repeats {
    /// Writes each minute how many there were, until the process ends.
    pub fn count(&self) {
        let repeats = self.clone();
        let counting = move || {
            loop {
                std::thread::sleep(LOOK_EVERY);
                repeats.take_due(Instant::now()).iter().for_each(Summary::write);
            }
        };
        let thread = std::thread::Builder::new().name("log-repeats".to_owned());
        if let Err(error) = thread.spawn(counting) {
            tracing::warn!(%error, "repeated lines are not counted");
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Key, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the first of its kind.
    fn is_news(&self, metadata: &Metadata<'static>, said: &Said, now: Instant) -> bool {
        let Some(cause) = &said.cause else { return true };
        let key = Key {
            target: metadata.target(),
            line: metadata.line().unwrap_or_default(),
            message: said.message.clone(),
            cause: without_numbers(cause),
        };
        let mut known = self.known();
        if let Some(counted) = known.get_mut(&key) {
            counted.more += 1;
            return false;
        }
        if known.len() < MOST_CAUSES {
            let is_error = *metadata.level() == Level::ERROR;
            let cause = cause.clone();
            known.insert(key, Counted { since: now, more: 0, is_error, cause });
        }
        true
    }

    /// What is to be said now. What nothing followed is forgotten.
    fn take_due(&self, now: Instant) -> Vec<Summary> {
        let mut due = Vec::new();
        self.known().retain(|key, counted| {
            if now.duration_since(counted.since) < WINDOW {
                return true;
            }
            let more = std::mem::take(&mut counted.more);
            counted.since = now;
            if more > 0 {
                let (message, cause) = (key.message.clone(), counted.cause.clone());
                due.push(Summary { message, cause, more, is_error: counted.is_error });
            }
            more > 0
        });
        due
    }
}

impl Summary {
    /// The field of the cause has another name, so that this line is not counted itself.
    fn write(&self) {
        let Self { message, cause, more, is_error } = self;
        if *is_error {
            tracing::error!(repeated = more, of = message, last = cause, "… and {more} more");
        } else {
            tracing::warn!(repeated = more, of = message, last = cause, "… and {more} more");
        }
    }
}

impl<S: Subscriber> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::WARN {
            return true;
        }
        let mut said = Said::default();
        event.record(&mut said);
        self.is_news(event.metadata(), &said, Instant::now())
    }
}

/// What an event says, as far as it tells causes apart.
#[derive(Default)]
struct Said {
    message: String,
    cause: Option<String>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else if CAUSES.contains(&field.name()) {
            self.cause = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if CAUSES.contains(&field.name()) {
            self.cause = Some(value.to_owned());
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        if CAUSES.contains(&field.name()) {
            self.cause = Some(value.to_string());
        }
    }
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{EnvFilter, Layer, registry};

    use tracing_subscriber::filter::FilterExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What is written of what happens, with these repeats.
    fn written(repeats: &Repeats, happens: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let filter = EnvFilter::new("info").and(repeats.clone());
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.clone())
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_filter(filter);
        tracing::subscriber::with_default(registry().with(layer), happens);
        let bytes = lines.0.lock().expect("a lock").clone();
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    fn fail(request_id: u32, cause: &str) {
        tracing::error!(request_id, cause, "request failed");
    }

    #[test]
    fn one_cause_is_written_once_and_counted_each_minute() {
        let repeats = Repeats::default();
        let lines = written(&repeats, || {
            for request in 0..58 {
                fail(request, &format!("no connection within {request} ms"));
            }
            fail(58, "disk full");
            tracing::info!(error = "disk full", "shown each time");
            tracing::info!(error = "disk full", "shown each time");
        });
        let [first, other, ..] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(first.contains("request_id=0") && other.contains("disk full"), "{lines:?}");
        assert_eq!(lines.len(), 4, "{lines:?}");

        let later = Instant::now() + WINDOW;
        let due = repeats.take_due(later);
        let said = written(&repeats, || due.iter().for_each(Summary::write));
        assert_eq!(
            said,
            [
                "ERROR … and 57 more repeated=57 of=\"request failed\" last=\"no connection within 0 ms\""
            ]
        );
        let again = written(&repeats, || {
            fail(60, "no connection within 7 ms");
            fail(61, "disk full");
        });
        assert_eq!(again.len(), 1, "the one goes on, the other is news again: {again:?}");
        assert!(again[0].contains("disk full"), "{again:?}");
        assert_eq!(repeats.take_due(later + WINDOW).len(), 1);
        assert_eq!(repeats.take_due(later + WINDOW * 2).len(), 0);
    }

    #[test]
    fn lines_without_a_cause_are_each_written() {
        let lines = written(&Repeats::default(), || {
            for event in 0..3 {
                tracing::warn!(event, "something is overdue");
            }
        });
        assert_eq!(lines.len(), 3, "{lines:?}");
    }
}
