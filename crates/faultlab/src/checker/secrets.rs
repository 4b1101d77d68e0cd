//! I8 and I9: what nobody may see.

use std::collections::BTreeMap;

use crate::facts::Facts;

/// I8. Whoever follows a redirect tells somebody whom nobody has named.
pub(super) fn secrets_stay_secret(facts: &Facts) -> Vec<String> {
    let leaks = facts.leaks.iter().map(|leak| format!("{} is in {}", leak.secret, leak.place));
    let followed = facts.followed.iter().map(|line| format!("a redirect was followed: {line}"));
    leaks.chain(followed).collect()
}

/// I9. The references of each shop begin with its name.
pub(super) fn projects_do_not_see_each_other(facts: &Facts) -> Vec<String> {
    let mut words = Vec::new();
    for stranger in &facts.strangers {
        let Ok((status, told)) = &stranger.told else {
            words.push(format!("{}: a stranger got no response", stranger.event_id));
            continue;
        };
        if *status != 404 || stranger.told.as_ref().ok() != stranger.told_of_nothing.as_ref().ok() {
            words.push(format!("{}: a stranger was told {status} {told}", stranger.event_id));
        }
    }
    let others = BTreeMap::from([("a", "b_user_"), ("b", "a_user_")]);
    for message in &facts.messages {
        if others.get(message.shop).is_some_and(|reference| message.text.contains(reference)) {
            words.push(format!(
                "shop {} was told of another's customer: {}",
                message.shop, message.identity
            ));
        }
    }
    for callback in &facts.callbacks {
        let body = String::from_utf8_lossy(&callback.body);
        if others.get(callback.shop.as_str()).is_some_and(|reference| body.contains(reference)) {
            words.push(format!(
                "shop {} was asked to repair another's {}",
                callback.shop, callback.replay_id
            ));
        }
    }
    words
}
