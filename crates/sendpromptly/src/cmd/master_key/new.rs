//! `master-key new`. Nothing is stored and nothing is asked.

use serde::Serialize;
use store::MasterKey;

use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly master-key new

Nothing changes yet: the steps that bring the key into use are printed with it. With --json the key alone is.";

#[derive(Serialize)]
struct NewKey {
    key: String,
    master_key_id: String,
}

pub(super) fn run() -> anyhow::Result<CommandOutput> {
    let key = MasterKey::generate();
    let id = MasterKey::parse(&key)?.newest().to_string();
    let human = format!(
        "{key}

This is key {id}. It is shown once: keep it where the old one is, apart from backups of the database.

For a new installation: set SENDPROMPTLY_MASTER_KEY to it for every api and worker.

To replace a key, in this order:
  1. SENDPROMPTLY_MASTER_KEY=<old>,<new> for every api and worker; restart them one after the other.
     From then on every process opens what the new key seals.
  2. sendpromptly master-key status    says that every process has {id}.
  3. SENDPROMPTLY_MASTER_KEY=<new>,<old> for all; restart them one after the other.
     From then on the new key seals.
  4. sendpromptly master-key rotate    seals again what the old key sealed. It may be cut off and run again.
  5. sendpromptly master-key status    says that the old key can go: remove it and restart."
    );
    CommandOutput::new(&NewKey { key, master_key_id: id }, human)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_one_and_its_steps_name_it() {
        let output = run().expect("a key");
        let new: serde_json::Value = serde_json::from_str(output.json()).expect("JSON");
        let key = MasterKey::parse(new["key"].as_str().expect("a key")).expect("a key");
        assert_eq!(new["master_key_id"], key.newest().to_string());
        assert!(output.human().contains(&key.newest().to_string()));
        assert_ne!(run().expect("a key").json(), output.json());
    }
}
