// The samples of crates/console/templates/samples/node with the providers' own libraries, which also sign the events.
//
//   libraries=$(python3 scripts/install_test_libraries.py)
//   SENDPROMPTLY_TEST_LIBRARIES=$libraries/node node --test clients/node/providers.test.mjs
//
// SENDPROMPTLY_TEST_LIBRARIES is the folder that holds node_modules.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Client } from "./sendpromptly.mjs";

const libraries = process.env.SENDPROMPTLY_TEST_LIBRARIES;
assert.ok(libraries, "SENDPROMPTLY_TEST_LIBRARIES is not set; the top of this file tells how");
const require = createRequire(join(resolve(libraries), "any.js"));
const stripe = new (require("stripe"))("sk_test_none");
const express = require("express");

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SAMPLES = join(HERE, "../../crates/console/templates/samples/node");
const STRIPE_SECRET = "whsec_stripe";
const SHOPIFY_SECRET = "shpss_secret";
const SECRET_BYTES = Buffer.alloc(32, 7);
const SECRET = `whsec_${SECRET_BYTES.toString("base64")}`;

// Clients use their spools until the process ends.
const TEMPORARY = mkdtempSync(join(tmpdir(), "sendpromptly-node-"));
process.on("exit", () => rmSync(TEMPORARY, { recursive: true, force: true }));

async function listen(t, handler) {
  const server = http.createServer(handler);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A stand-in for sendpromptly that records the calls. */
async function record(t, respond) {
  const calls = [];
  const url = await listen(t, async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const call = request.url.replace("/api/v1/", "");
    calls.push({ call, key: request.headers["idempotency-key"], ...JSON.parse(text) });
    if (respond) return respond(response);
    response.writeHead(202).end(JSON.stringify({ event_id: "ev_1", accepted: true }));
  });
  return { url, calls };
}

/** The sample in a folder as an app has it, beside the client and its node_modules. */
async function copySample(name, change = (text) => text) {
  const folder = await fs.mkdtemp(join(TEMPORARY, "sample-"));
  await fs.copyFile(join(HERE, "sendpromptly.mjs"), join(folder, "sendpromptly.mjs"));
  await fs.symlink(join(resolve(libraries), "node_modules"), join(folder, "node_modules"));
  await fs.writeFile(join(folder, name), change(await fs.readFile(join(SAMPLES, name), "utf8")));
  return folder;
}

function settings(url, folder) {
  return {
    SENDPROMPTLY_URL: url,
    SENDPROMPTLY_KEY: "sk_test_none",
    SENDPROMPTLY_SECRET: SECRET,
    SENDPROMPTLY_SPOOL: join(folder, "spool"),
    STRIPE_SECRET_KEY: "sk_test_none",
    STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
    SHOPIFY_API_KEY: "key",
    SHOPIFY_API_SECRET: SHOPIFY_SECRET,
  };
}

/** An Express app with the handlers of the sample, mounted as its comment says. `grant` is the work. */
async function shop(t, { grant = "", respond } = {}) {
  const { url, calls } = await record(t, respond);
  const folder = await copySample("calls.mjs", (text) => {
    const changed = text.replace(/console\.log\("granting.*/, grant);
    assert.notEqual(changed, text);
    return changed;
  });
  Object.assign(process.env, settings(url, folder));
  const { stripeWebhook, shopifyWebhook } = await import(pathToFileURL(join(folder, "calls.mjs")));
  const app = express();
  const raw = express.raw({ type: "application/json", limit: "2mb" });
  app.post("/stripe", raw, async (req, res) => res.sendStatus(await stripeWebhook(req, req.body)));
  app.post("/shopify", raw, async (req, res) => res.sendStatus(await shopifyWebhook(req, req.body)));
  return { app: await listen(t, app), calls };
}

async function post(url, body, headers) {
  const all = { "content-type": "application/json", ...headers };
  return fetch(url, { method: "POST", body, headers: all, redirect: "manual" });
}

const checkout = (more = {}, type = "checkout.session.completed") => ({
  id: "evt_1PgafvB7WZ01zgkW",
  object: "event",
  type,
  created: 1795269729,
  data: {
    object: {
      id: "cs_1",
      object: "checkout.session",
      payment_status: "paid",
      client_reference_id: "user_456",
      ...more,
    },
  },
});

async function sendStripe({ app }, event, secret = STRIPE_SECRET) {
  const body = JSON.stringify(event, null, 2);
  const signature = stripe.webhooks.generateTestHeaderString({ payload: body, secret });
  return (await post(`${app}/stripe`, body, { "stripe-signature": signature })).status;
}

// Written out, as no JavaScript number holds this id.
const ORDER = `{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508",
  "updated_at":"2026-11-21T09:02:09-05:00","note":"Grüße"}`;
const DELIVERY = {
  "x-shopify-topic": "orders/paid",
  "x-shopify-shop-domain": "acme.myshopify.com",
  "x-shopify-api-version": "2026-07",
  "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
  "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
  "x-shopify-triggered-at": "2026-11-21T14:02:09.123456789Z",
};

async function sendShopify({ app }, headers = DELIVERY, secret = SHOPIFY_SECRET) {
  const mac = createHmac("sha256", secret).update(ORDER).digest("base64");
  return (await post(`${app}/shopify`, ORDER, { ...headers, "x-shopify-hmac-sha256": mac })).status;
}

function without(headers, ...names) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

const STRIPE_FIELDS = {
  provider: "stripe",
  provider_event_id: "evt_1PgafvB7WZ01zgkW",
  event_type: "checkout.session.completed",
  effect_type: "credit_grant",
  internal_reference: "user_456",
};
const SHOPIFY_FIELDS = {
  provider: "shopify",
  provider_event_id: "98880550-7158-44d4-b7cd-2c97c8a091b5",
  shopify_shop_domain: "acme.myshopify.com",
  event_type: "orders/paid",
  effect_type: "access_unlock",
  internal_reference: "gid://shopify/Order/820982911946154508",
};

test("a paid Stripe checkout makes a receipt and a result with the same fields", async (t) => {
  const running = await shop(t);
  assert.equal(await sendStripe(running, checkout()), 200);
  const [receipt, result] = running.calls;
  const { call, key, occurred_at, payload, ...fields } = receipt;
  assert.deepEqual(fields, STRIPE_FIELDS);
  assert.equal(call, "receipt");
  assert.equal(key, "receipt-evt_1PgafvB7WZ01zgkW-checkout.session.completed-credit_grant-1d97f3a57dcd25c2b7a9319b5515faa1");
  assert.equal(occurred_at, 1795269729);
  assert.deepEqual(payload, checkout());
  const resultKey = "result-evt_1PgafvB7WZ01zgkW-credit_grant-success-bafd0d94e37ebca36cfaca170896b372";
  assert.deepEqual(result, { call: "result", key: resultKey, ...STRIPE_FIELDS, status: "success" });
});

test("a Stripe event that is delivered twice makes the same calls twice", async (t) => {
  const running = await shop(t);
  for (let n = 0; n < 2; n += 1) assert.equal(await sendStripe(running, checkout()), 200);
  assert.equal(running.calls.length, 4);
  assert.deepEqual(running.calls.slice(0, 2), running.calls.slice(2));
});

test("a delayed payment has its receipt when the money has come", async (t) => {
  const running = await shop(t);
  assert.equal(await sendStripe(running, checkout({ payment_status: "unpaid" })), 200);
  assert.equal(running.calls.length, 0);
  const later = checkout({}, "checkout.session.async_payment_succeeded");
  assert.equal(await sendStripe(running, later), 200);
  assert.equal(running.calls[0].event_type, "checkout.session.async_payment_succeeded");
  assert.equal(running.calls[1].status, "success");
});

test("work that fails is reported, and the provider is asked to deliver again", async (t) => {
  const running = await shop(t, { grant: 'throw Object.assign(new Error("duplicate"), { code: "P2002" });' });
  assert.equal(await sendStripe(running, checkout()), 500);
  assert.equal(await sendShopify(running), 500);
  const [, stripeResult, , shopifyResult] = running.calls;
  for (const { status, error_code, error_message } of [stripeResult, shopifyResult]) {
    assert.deepEqual([status, error_code, error_message], ["failed", "P2002", "duplicate"]);
  }
});

test("an event that a newer one made void is reported as superseded", async (t) => {
  const running = await shop(t, { grant: 'return "superseded";' });
  assert.equal(await sendStripe(running, checkout()), 200);
  assert.equal(running.calls[1].status, "superseded");
});

test("the webhook is answered within 4 seconds when sendpromptly hangs", async (t) => {
  const running = await shop(t, { respond: () => {} });
  const before = Date.now();
  const statuses = await Promise.all([sendStripe(running, checkout()), sendShopify(running)]);
  assert.deepEqual(statuses, [200, 200]);
  assert.ok(Date.now() - before < 4000, `${Date.now() - before} ms`);
});

test("events that are forged or of no interest make no calls", async (t) => {
  const running = await shop(t);
  assert.equal(await sendStripe(running, checkout(), "whsec_other"), 400);
  assert.equal((await post(`${running.app}/stripe`, "{}", {})).status, 400);
  assert.equal(await sendStripe(running, checkout({}, "invoice.created")), 200);
  assert.equal(await sendShopify(running, DELIVERY, "other"), 401);
  assert.equal((await post(`${running.app}/shopify`, ORDER, DELIVERY)).status, 401);
  assert.equal(await sendShopify(running, { ...DELIVERY, "x-shopify-topic": "orders/create" }), 200);
  assert.equal(running.calls.length, 0);
});

test("a paid Shopify order makes a receipt and a result with the same fields", async (t) => {
  const running = await shop(t);
  assert.equal(await sendShopify(running), 200);
  const [{ call, key, occurred_at, ...fields }, result] = running.calls;
  assert.deepEqual(fields, SHOPIFY_FIELDS);
  assert.equal(occurred_at, "2026-11-21T14:02:09.123456789Z");
  assert.deepEqual(result, { call: "result", key: result.key, ...SHOPIFY_FIELDS, status: "success" });
});

test("without X-Shopify-Event-Id the webhook's id and the order's time are taken", async (t) => {
  const running = await shop(t);
  const plain = without(DELIVERY, "x-shopify-event-id", "x-shopify-triggered-at");
  assert.equal(await sendShopify(running, plain), 200);
  assert.equal(running.calls[0].provider_event_id, "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
  assert.equal(running.calls[0].occurred_at, "2026-11-21T09:02:09-05:00");
});

// The repair endpoint.

const REPAIR = { type: "reprocess", replay_id: "rpl_1", event_id: "ev_1", effect_type: "credit_grant" };

function signed(body, { secret = SECRET_BYTES, age = 0, nonce = randomUUID() } = {}) {
  const timestamp = String(Math.floor(Date.now() / 1000) - age);
  const mac = createHmac("sha256", secret).update(`${timestamp}.${nonce}.${body}`).digest("hex");
  return { "x-sp-timestamp": timestamp, "x-sp-nonce": nonce, "x-sp-signature": `v1=${mac}` };
}

async function sendRepair(url, order = REPAIR, options = {}) {
  const body = JSON.stringify(order);
  const response = await post(url, body, signed(body, options));
  return [response.status, await response.text()];
}

async function until(what, condition) {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(10)) if (await condition()) return;
  assert.fail(`never: ${what}`);
}

function answers(port) {
  const socket = net.connect(port, "127.0.0.1");
  return new Promise((done) => socket.on("connect", () => done(true)).on("error", () => done(false))).finally(
    () => socket.destroy(),
  );
}

async function freePort() {
  const server = net.createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  server.close();
  return port;
}

test("the repair sample works and reports its result unchanged", async (t) => {
  const { url, calls } = await record(t);
  const folder = await copySample("repair.mjs");
  const port = await freePort();
  const env = { ...process.env, ...settings(url, folder), PORT: String(port) };
  const child = spawn(process.execPath, ["repair.mjs"], { cwd: folder, env, stdio: "inherit" });
  t.after(() => child.kill());
  await until("the endpoint", () => answers(port));
  const endpoint = `http://127.0.0.1:${port}/repair`;
  assert.deepEqual(await sendRepair(endpoint, { type: "probe", replay_id: "rpl_0" }), [200, "probe"]);
  assert.deepEqual(await sendRepair(endpoint, REPAIR, { nonce: "a" }), [202, "accepted"]);
  assert.deepEqual(await sendRepair(endpoint, REPAIR, { nonce: "a" }), [409, "nonce seen before"]);
  assert.deepEqual(await sendRepair(endpoint), [202, "taken before"]);
  await until("a result", () => calls.length === 1);
  const key = "result-ev_1-success-rpl_1";
  const result = { call: "result", key, status: "success", event_id: "ev_1", replay_id: "rpl_1" };
  assert.deepEqual(calls, [result]);
  const bad = { "bad signature": { secret: Buffer.alloc(32) }, "stale timestamp": { age: 600 } };
  for (const [reason, options] of Object.entries({ ...bad, "bad nonce": { nonce: "a.b" } })) {
    assert.deepEqual(await sendRepair(endpoint, REPAIR, options), [401, reason]);
  }
  assert.equal((await fetch(endpoint)).status, 404);
  assert.equal((await post(endpoint, "x".repeat(140_000), {})).status, 400);
});

test("in Express the repair needs express.raw, and says so below express.json", async (t) => {
  const { url, calls } = await record(t);
  const spool = join(TEMPORARY, "spool");
  const client = new Client({ url, key: "sk_test_none", secret: SECRET, spool, log: () => {} });
  const app = express();
  const answer = async (req, res) => {
    const { status, body } = await client.repair(req.headers, req.body, () => {});
    res.status(status).type("text").send(body);
  };
  app.post("/right", express.raw({ type: "application/json" }), answer);
  app.use(express.json());
  app.post("/wrong", express.raw({ type: "application/json" }), answer);
  const endpoint = await listen(t, app);
  assert.deepEqual(await sendRepair(`${endpoint}/right`), [202, "accepted"]);
  const [status, text] = await sendRepair(`${endpoint}/wrong`);
  assert.equal(status, 500);
  assert.match(text, /^the raw body is needed, before any parser: in Express put express\.raw/);
  await until("a result", () => calls.length === 1);
});
