// The two calls to sendpromptly. Node 18 or newer, no packages.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const url = process.env.SENDPROMPTLY_URL ?? "https://sendpromptly.example.com";
const key = process.env.SENDPROMPTLY_KEY; // sk_test_... or sk_live_...

// I took this payment event, and this effect is due. Call it in the webhook handler:
//   await receipt({ provider: "stripe", provider_event_id: "evt_1", event_type: "invoice.paid",
//     effect_type: "credit_grant", internal_reference: "user_456",
//     occurred_at: "2026-11-21T14:02:09Z" });
export function receipt(event) {
  return post("receipt", `receipt-${event.provider_event_id}-${event.effect_type}`, event);
}

// Applied ("success"), or not ("failed"). Call it after your own commit:
//   await result("success", { provider_event_id: "evt_1" });
//   await result("failed", { provider_event_id: "evt_1", error_code: "db_write_failed" });
export function result(status, fields) {
  return post("result", `result-${randomUUID()}`, { status, ...fields });
}

// Tries three times with the same Idempotency-Key, so that nothing counts twice.
async function post(path, idempotencyKey, body) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(`${url}/api/v1/${path}`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${key}`,
        "Idempotency-Key": idempotencyKey,
        "Content-Type": "application/json",
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
    }).catch(() => null);
    if (answer?.ok) return answer.json();
    const again = !answer || answer.status >= 500 || [409, 429].includes(answer.status);
    if (!again || attempt === 3) {
      throw new Error(`sendpromptly: ${answer ? await answer.text() : "no answer"}`);
    }
    await pause(attempt * 1000);
  }
}
