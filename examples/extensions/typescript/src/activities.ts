/**
 * What sendpromptly asks this worker: were the credits granted, and would you grant them.
 *
 * An error that is thrown here is tried again while there is time. Its message stands in the workflow's history,
 * for all who may read that: throw no secrets.
 */

import { heartbeat } from '@temporalio/activity';

import type { Call, Evidence, ProbeAnswer, ReprocessAnswer } from './contract';
import * as ledger from './ledger';

const EFFECT = 'credit_grant';
const isMine = (call: Call) => (call.effect_type ?? EFFECT) === EFFECT;

/** Were they granted? Says no only where the ledger says so. */
export async function verify(call: Call): Promise<ProbeAnswer> {
  heartbeat('reading the ledger');
  const entry = ledger.find(call.provider_event_id, call.internal_reference);
  if (!entry || !isMine(call)) return { settled: null, note: 'The ledger has no such payment.' };
  if (!entry.granted_at) return { settled: false, note: 'Paid, and not granted.' };
  return { settled: true, note: `Granted at ${entry.granted_at}.`, evidence: evidence(entry) };
}

/** Grants them, unless they are: safe to be asked twice, by the same call or by the next one. */
export async function apply(call: Call): Promise<ReprocessAnswer> {
  heartbeat('writing to the ledger');
  if (!isMine(call)) return { outcome: 'declined', note: `Only ${EFFECT} is granted here.` };
  const entry = ledger.granted(call.provider_event_id, call.internal_reference, call.call_id);
  if (!entry) return { outcome: 'declined', note: 'The ledger has no such payment.' };
  return { outcome: 'applied', evidence: evidence(entry) };
}

/** What a person can look up: flat, and nothing that should not stand in an incident. */
function evidence({ payment, credits, granted_at, granted_by }: ledger.Payment): Evidence {
  return { payment, credits, granted_at, granted_by };
}
