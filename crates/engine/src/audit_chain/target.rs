//! Where heads are kept outside: a file, or a bucket that the program around this one writes to.
//!
//! Of each chain only the newest end waits to be written, because it vouches for all before it. So what waits stays small
//! however long a target is away, and linking never waits for it. What could not be written is tried again every ten
//! seconds, together with what has grown in the meantime; what a process that
//! ends before has not written, the next one that starts writes.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::ProjectId;
use store::audit_chain::Head;
use tokio::sync::watch;

use super::heads;

/// How long a target is left alone that could not be written to.
pub(super) const AGAIN: Duration = Duration::from_secs(10);
/// How often it is said that it still cannot.
const SAY_EVERY: Duration = Duration::from_mins(10);

/// Where each chain ends that has grown in this process.
pub(super) type Ends = BTreeMap<Option<ProjectId>, Head>;

type Putting = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Where the heads go.
#[derive(Clone)]
pub enum HeadsTarget {
    /// Lines are appended to it.
    File(PathBuf),
    /// Each time an object of its own.
    Bucket(HeadsBucket),
}

/// A bucket, and how lines get there.
#[derive(Clone)]
pub struct HeadsBucket {
    address: String,
    put: Arc<dyn Fn(String) -> Putting + Send + Sync>,
}

impl HeadsBucket {
    /// A bucket that goes by this address in the log; `put` keeps lines as a new object.
    pub fn new(address: String, put: impl Fn(String) -> Putting + Send + Sync + 'static) -> Self {
        Self { address, put: Arc::new(put) }
    }
}

impl fmt::Display for HeadsTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket) => f.write_str(&bucket.address),
        }
    }
}

impl HeadsTarget {
    async fn write(&self, grown: &[Head]) -> io::Result<()> {
        let lines = heads::lines(grown)?;
        match self {
            Self::File(path) => {
                let path = path.clone();
                let written = tokio::task::spawn_blocking(move || heads::append(&path, &lines));
                written.await.unwrap_or_else(|error| Err(io::Error::other(error)))
            }
            Self::Bucket(bucket) => (bucket.put)(lines).await,
        }
    }
}

/// Writes what grows, until nothing can grow any more; what failed is tried again after this time.
pub(super) async fn write_all(
    target: &HeadsTarget,
    mut ends: watch::Receiver<Ends>,
    again: Duration,
) {
    let (mut written, mut said) = (Ends::new(), None::<Instant>);
    loop {
        let unwritten = list_unwritten(&ends.borrow_and_update(), &written);
        if unwritten.is_empty() {
            if ends.changed().await.is_err() {
                return;
            }
            continue;
        }
        match target.write(&unwritten).await {
            Ok(()) => {
                if said.take().is_some() {
                    tracing::info!(heads = %target, "wrote where the audit's chains end");
                }
                written.extend(unwritten.into_iter().map(|head| (head.project_id, head)));
            }
            Err(error) => {
                if said.is_none_or(|at| at.elapsed() > SAY_EVERY) {
                    tracing::warn!(%error, heads = %target, "could not write where the audit's chains end");
                    said = Some(Instant::now());
                }
                tokio::time::sleep(again).await;
            }
        }
    }
}

fn list_unwritten(ends: &Ends, written: &Ends) -> Vec<Head> {
    let unwritten = ends.iter().filter(|(project_id, end)| written.get(*project_id) != Some(*end));
    unwritten.map(|(_, end)| end.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::audit_chain::HeadLine;

    const SHOP: Option<&str> = Some("prj_00000000000000000000000001");

    fn head(project: Option<&str>, sequence: i64) -> Head {
        let project_id = project.map(|id| id.parse().expect("an id"));
        Head { project_id, sequence, hash: vec![1; 32] }
    }

    type Sent = Arc<Mutex<Vec<Vec<Head>>>>;

    /// A bucket that is away for the first two objects, while chains grow.
    fn bucket(ends: watch::Sender<Ends>, sent: Sent) -> HeadsTarget {
        let bucket = HeadsBucket::new("s3://heads".to_owned(), move |lines| {
            let read = lines.lines().map(|line| HeadLine::read(line).expect("a head")).collect();
            let mut sent = sent.lock().expect("no panic while locked");
            sent.push(read);
            let grown = match sent.len() {
                1 => vec![head(SHOP, 1), head(SHOP, 2)],
                3 => vec![head(None, 3)],
                _ => Vec::new(),
            };
            ends.send_modify(|ends| ends.extend(by_project(grown)));
            let is_away = sent.len() <= 2;
            Box::pin(async move { if is_away { Err(io::Error::other("away")) } else { Ok(()) } })
        });
        HeadsTarget::Bucket(bucket)
    }

    fn by_project(heads: Vec<Head>) -> Ends {
        heads.into_iter().map(|head| (head.project_id, head)).collect()
    }

    #[tokio::test]
    async fn what_could_not_be_written_goes_with_the_next_and_only_the_newest_of_each_chain() {
        let sent = Sent::default();
        let (ends, grown) = watch::channel(by_project(vec![head(None, 1)]));
        let target = bucket(ends, Arc::clone(&sent));
        let all_came = async {
            while sent.lock().expect("no panic while locked").len() < 4 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = write_all(&target, grown, Duration::from_millis(1)) => {}
            () = all_came => {}
        }
        let both = vec![head(None, 1), head(SHOP, 2)];
        let expected = [vec![head(None, 1)], both.clone(), both, vec![head(None, 3)]];
        assert_eq!(*sent.lock().expect("no panic while locked"), expected);
    }
}
