"""What sendpromptly asks this worker: were the credits granted, and would you grant them.

An error that is raised here is tried again while there is time. Its message stands in the workflow's history,
for all who may read that: raise no secrets.
"""

from dataclasses import dataclass

from temporalio import activity

import ledger

EFFECT = "credit_grant"


@dataclass(frozen=True, kw_only=True)
class Call:
    """The fields of the input that are read here; others are ignored. What the work can do without is optional."""

    call_id: str
    provider_event_id: str
    internal_reference: str
    effect_type: str | None = None


@activity.defn(name="credits.verify")
def verify(call: Call) -> dict:
    """Were they granted? Says no only where the ledger says so."""
    activity.heartbeat("reading the ledger")
    row = ledger.find(call.provider_event_id, call.internal_reference)
    if row is None or call.effect_type not in (None, EFFECT):
        return {"settled": None, "note": "The ledger has no such payment."}
    if row["granted_at"] is None:
        return {"settled": False, "note": "Paid, and not granted."}
    return {"settled": True, "note": f"Granted at {row['granted_at']}.", "evidence": evidence(row)}


@activity.defn(name="credits.apply")
def apply(call: Call) -> dict:
    """Grants them, unless they are: safe to be asked twice, by the same call or by the next one."""
    activity.heartbeat("writing to the ledger")
    if call.effect_type not in (None, EFFECT):
        return {"outcome": "declined", "note": f"Only {EFFECT} is granted here."}
    row = ledger.granted(call.provider_event_id, call.internal_reference, granted_by=call.call_id)
    if row is None:
        return {"outcome": "declined", "note": "The ledger has no such payment."}
    return {"outcome": "applied", "evidence": evidence(row)}


def evidence(row) -> dict:
    """What a person can look up: flat, and nothing that should not stand in an incident."""
    return {name: row[name] for name in ("payment", "credits", "granted_at", "granted_by")}
