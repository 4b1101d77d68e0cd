//! I6 and I10: what goes out is signed and stays the same.

use std::collections::BTreeMap;

use super::repeats;
use crate::facts::Facts;

/// I6.
pub(super) fn every_callback_verifies(facts: &Facts) -> Vec<String> {
    let mut words = Vec::new();
    let mut bodies = BTreeMap::<&str, &[u8]>::new();
    for callback in &facts.callbacks {
        let id = callback.replay_id.as_str();
        if let Some(why) = &callback.rejected {
            words.push(format!("a callback of {id} does not verify: {why}"));
        }
        if *bodies.entry(id).or_insert(&callback.body) != callback.body.as_slice() {
            words.push(format!("the attempts of {id} have different bodies"));
        }
    }
    for (nonce, count) in repeats(facts.callbacks.iter().map(|it| it.nonce.as_str())) {
        words.push(format!("the nonce {nonce} came {count} times"));
    }
    let known: Vec<String> = facts
        .rows
        .reprocesses
        .iter()
        .map(|it| domain::ids::ReplayId::from_uuid(it.id).to_string())
        .collect();
    for id in bodies.keys().filter(|id| !known.iter().any(|known| known == **id)) {
        words.push(format!("{id} was asked for, and is no reprocess"));
    }
    words
}

/// I10.
pub(super) fn repeated_answers_are_equal(facts: &Facts) -> Vec<String> {
    let differs = facts.repeated.iter().filter_map(|repeated| {
        let path = repeated.request.path;
        match &repeated.again {
            Ok((202, body)) if *body == repeated.first => None,
            Ok((status, body)) => Some(format!(
                "{path} was a 202 with {}, and is a {status} with {}",
                String::from_utf8_lossy(&repeated.first),
                String::from_utf8_lossy(body)
            )),
            Err(error) => Some(format!("{path} was a 202, and then: {error}")),
        }
    });
    differs.collect()
}
