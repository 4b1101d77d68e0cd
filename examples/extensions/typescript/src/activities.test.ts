/** The activities in the SDK's own environment, with the inputs and the schemas of the contract. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import { MockActivityEnvironment } from '@temporalio/testing';
import Ajv from 'ajv/dist/2020';

import { apply, verify } from './activities';
import type { Call, ProbeAnswer, ReprocessAnswer } from './contract';
import * as ledger from './ledger';

const CONTRACT = process.env.CONTRACT ?? join(__dirname, '../../../../docs/extensions/2026-12-01');
const [PAYMENT, CUSTOMER] = ['evt_1QExample', 'user_456'];

const document = (name: string) => JSON.parse(readFileSync(join(CONTRACT, `${name}.json`), 'utf8'));
const ajv = new Ajv({ allowUnionTypes: true });
const isProbeAnswer = ajv.compile(document('probe-answer'));
const isReprocessAnswer = ajv.compile(document('reprocess-answer'));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  process.env.LEDGER = join(folder, 'ledger.jsonl');
  ledger.paid(PAYMENT, CUSTOMER, 500);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function ask<Answer extends ProbeAnswer | ReprocessAnswer>(
  activity: (call: Call) => Promise<Answer>,
  example: string,
  changes: object = {},
): Promise<Answer> {
  const environment = new MockActivityEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  const call: Call = { ...document(`examples/input-${example}`), ...changes };
  const answer = (await environment.run(activity as (call: Call) => Promise<Answer>, call)) as Answer;
  const isValid = 'settled' in answer ? isProbeAnswer : isReprocessAnswer;
  assert.ok(isValid(answer), JSON.stringify(isValid.errors));
  assert.ok(beats > 0);
  return answer;
}

test('a probe says what the ledger says', async () => {
  const examples = ['before-incident', 'after-failure'];
  for (const example of examples) {
    assert.equal((await ask(verify, example)).settled, false);
    assert.equal((await ask(verify, example, { provider_event_id: 'evt_2' })).settled, null);
    const other = await ask(verify, example, { internal_reference: 'user_457' });
    assert.equal(other.settled, null, "another customer's payment says nothing");
  }
  ledger.granted(PAYMENT, CUSTOMER);
  for (const example of examples) {
    const found = await ask(verify, example);
    assert.deepEqual([found.settled, found.evidence?.credits, found.evidence?.granted_by], [true, 500, 'webhook']);
  }
});

test('a repair grants once, whoever asks again', async () => {
  const first = await ask(apply, 'reprocess');
  assert.deepEqual([first.outcome, first.evidence?.credits], ['applied', 500]);
  assert.equal(first.evidence?.granted_by, document('examples/input-reprocess').call_id);
  assert.deepEqual(await ask(apply, 'reprocess'), first);
  assert.deepEqual(await ask(apply, 'reprocess', { call_id: 'cal_01K9QF3Z7M8V2T4B6N0C1D5E9H' }), first);
});

test('a repair declines what is not its work', async () => {
  for (const changes of [{ provider_event_id: 'evt_2' }, { effect_type: 'seat_update' }]) {
    assert.equal((await ask(apply, 'reprocess', changes)).outcome, 'declined');
  }
  assert.equal(ledger.find(PAYMENT, CUSTOMER)?.granted_at, null);
});

test('a later contract with other fields is read', async () => {
  const later = { severity: 'high', effect_type: undefined };
  assert.equal((await ask(verify, 'before-incident', later)).settled, false);
});

test('a line that was cut off costs no other', () => {
  writeFileSync(process.env.LEDGER!, `${readFileSync(process.env.LEDGER!, 'utf8')}{"payment":"evt_1QEx`);
  assert.ok(ledger.granted(PAYMENT, CUSTOMER)?.granted_at);
});
