//! What sendpromptly asks this worker: were the credits granted, and would you grant them.
//!
//! An error is tried again while there is time. Its message stands in the workflow's history, for
//! all who may read that: put no secrets into it.

use std::sync::Arc;

use sendpromptly_extension::{Input, ProbeAnswer, ReprocessAnswer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

use crate::ledger::{Entry, Ledger};

const EFFECT: &str = "credit_grant";

pub struct Credits {
    pub ledger: Ledger,
}

#[activities]
impl Credits {
    /// Were they granted? Says no only where the ledger says so.
    #[activity(name = "credits.verify")]
    pub async fn verify(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Input,
    ) -> Result<ProbeAnswer, ActivityError> {
        ctx.record_heartbeat("reading the ledger".to_owned()).await?;
        Ok(verify(&self.ledger, &input)?)
    }

    /// Grants them, unless they are: safe to be asked twice, by the same call or by the next one.
    #[activity(name = "credits.apply")]
    pub async fn apply(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Input,
    ) -> Result<ReprocessAnswer, ActivityError> {
        ctx.record_heartbeat("writing to the ledger".to_owned()).await?;
        Ok(apply(&self.ledger, &input)?)
    }
}

fn verify(ledger: &Ledger, input: &Input) -> std::io::Result<ProbeAnswer> {
    let entry = ledger.find(&input.provider_event_id, &input.internal_reference)?;
    let Some(entry) = entry.filter(|_| input.effect_type == EFFECT) else {
        return Ok(ProbeAnswer::cannot_tell().note("The ledger has no such payment."));
    };
    Ok(match &entry.granted {
        None => ProbeAnswer::not_settled().note("Paid, and not granted."),
        Some((at, by)) => ProbeAnswer::settled()
            .note(format!("Granted at {at}."))
            .evidence("payment", input.provider_event_id.as_str())
            .evidence("credits", entry.credits)
            .evidence("granted_by", by.as_str()),
    })
}

fn apply(ledger: &Ledger, input: &Input) -> std::io::Result<ReprocessAnswer> {
    if input.effect_type != EFFECT {
        let note = format!("Only {EFFECT} is granted here.");
        return Ok(ReprocessAnswer::declined().note(note));
    }
    let (payment, customer) = (&input.provider_event_id, &input.internal_reference);
    let entry = ledger.granted(payment, customer, &input.call_id)?;
    let Some(Entry { credits, granted: Some((at, by)) }) = entry else {
        return Ok(ReprocessAnswer::declined().note("The ledger has no such payment."));
    };
    Ok(ReprocessAnswer::applied()
        .evidence("payment", payment.as_str())
        .evidence("credits", credits)
        .evidence("granted_at", at)
        .evidence("granted_by", by))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    macro_rules! example {
        ($name:literal) => {
            serde_json::from_str::<Value>(include_str!(concat!(
                "../../../../docs/extensions/2026-12-01/examples/input-",
                $name,
                ".json"
            )))
            .expect($name)
        };
    }

    const PAYMENT: (&str, &str) = ("evt_1QExample", "user_456");

    fn paid() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::at(folder.path().join("ledger.jsonl"));
        ledger.paid(PAYMENT.0, PAYMENT.1, 500).expect("a ledger");
        (folder, ledger)
    }

    fn with(mut example: Value, field: &str, value: &str) -> Input {
        example[field] = json!(value);
        serde_json::from_value(example).expect("an input")
    }

    fn input(example: Value) -> Input {
        serde_json::from_value(example).expect("an input")
    }

    #[test]
    fn a_probe_says_what_the_ledger_says() {
        let (_folder, ledger) = paid();
        let settled = |input: &Input| verify(&ledger, input).expect("an answer").settled;
        let examples = || [example!("before-incident"), example!("after-failure")];
        for example in examples() {
            assert_eq!(settled(&input(example.clone())), Some(false));
            assert_eq!(settled(&with(example.clone(), "provider_event_id", "evt_2")), None);
            assert_eq!(settled(&with(example.clone(), "internal_reference", "user_457")), None);
            assert_eq!(settled(&with(example, "effect_type", "seat_update")), None);
        }
        ledger.granted(PAYMENT.0, PAYMENT.1, "webhook").expect("a ledger");
        for example in examples() {
            let found = verify(&ledger, &input(example)).expect("an answer");
            assert_eq!(found.settled, Some(true));
            assert_eq!(found.evidence["credits"], 500);
            assert_eq!(found.evidence["granted_by"], "webhook");
        }
    }

    #[test]
    fn a_repair_grants_once_whoever_asks_again() {
        let (_folder, ledger) = paid();
        let ask = |input: &Input| json!(apply(&ledger, input).expect("an answer"));
        let first = ask(&input(example!("reprocess")));
        assert_eq!(
            (&first["outcome"], &first["evidence"]["credits"]),
            (&json!("applied"), &json!(500))
        );
        assert_eq!(first["evidence"]["granted_by"], example!("reprocess")["call_id"]);
        assert_eq!(ask(&input(example!("reprocess"))), first);
        let next_call = with(example!("reprocess"), "call_id", "cal_01K9QF3Z7M8V2T4B6N0C1D5E9H");
        assert_eq!(ask(&next_call), first);
    }

    #[test]
    fn a_repair_declines_what_is_not_its_work() {
        let (_folder, ledger) = paid();
        for (field, other) in [("provider_event_id", "evt_2"), ("effect_type", "seat_update")] {
            let answer = apply(&ledger, &with(example!("reprocess"), field, other));
            let answer = json!(answer.expect("an answer"));
            assert_eq!(answer["outcome"], "declined");
        }
        let entry = ledger.find(PAYMENT.0, PAYMENT.1).expect("a ledger").expect("an entry");
        assert_eq!(entry.granted, None);
    }

    #[test]
    fn a_line_that_was_cut_off_costs_no_other() {
        let (folder, ledger) = paid();
        let path = folder.path().join("ledger.jsonl");
        let text = std::fs::read_to_string(&path).expect("the ledger");
        std::fs::write(&path, format!("{text}{{\"payment\":\"evt_1QEx")).expect("written");
        let entry = ledger.granted(PAYMENT.0, PAYMENT.1, "webhook").expect("a ledger");
        assert!(entry.is_some_and(|entry| entry.granted.is_some()));
    }
}
