// node --test clients/node/sendpromptly.test.mjs
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import patchable from "node:fs/promises";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { Client, idempotencyKey } from "./sendpromptly.mjs";

const SECRET_BYTES = Buffer.alloc(32, 7);
const SECRET = `whsec_${SECRET_BYTES.toString("base64")}`;
const KEY = "sk_test_unseen";
const EVENT = {
  provider: "stripe",
  provider_event_id: "evt_1",
  event_type: "invoice.paid",
  effect_type: "credit_grant",
  internal_reference: "user_456",
};
const RECEIPT = { ...EVENT, occurred_at: 1795269729 };
const RECEIPT_KEY = "receipt-evt_1-invoice.paid-credit_grant-2f5baf64cc0cd2777f56911cd492daea";
const RESULT_KEY = "result-evt_1-credit_grant-success-3fc8f4898cce199e7280eb315c28e619";

// What the server does with a request.
const json = (status, body, headers = {}) => (response) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
const ACCEPT = json(202, { event_id: "ev_1", accepted: true });
const error = (status, code, more) => json(status, { error: { code, message: "no", request_id: "req_1", ...more } });
const page = (status, html = "<html>") => (response) => response.writeHead(status).end(html);
const HANG = () => {};
const drip = (text) => (response) => {
  let sent = 0;
  const timer = setInterval(() => response.socket.write(text[sent++ % text.length]), 500);
  response.socket.on("error", () => {}).on("close", () => clearInterval(timer));
};
const DRIP_HEADERS = drip("HTTP/1.1 202 Accepted\r\nx-slow: ".padEnd(1000, "x"));
const DRIP_BODY = (response) => {
  response.socket.write("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\n");
  drip(" ")(response);
};

const ENDLESS = (response) => {
  const more = () => response.destroyed || response.write(" ".repeat(10_000), () => setImmediate(more));
  response.writeHead(202).on("error", () => {});
  more();
};

/** A server that does with each request what `script` says, and the last of it ever after. */
async function serve(t, ...script) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const { url: path, headers } = request;
    requests.push({ path, headers, body, key: headers["idempotency-key"], at: Date.now() });
    (script.length > 1 ? script.shift() : script[0])(response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const set = (...next) => script.splice(0, Infinity, ...next);
  return { url: `http://127.0.0.1:${server.address().port}`, requests, set };
}

// Clients use their spools until the process ends.
const TEMPORARY = mkdtempSync(join(tmpdir(), "sendpromptly-node-"));
process.on("exit", () => rmSync(TEMPORARY, { recursive: true, force: true }));

function temporaryFolder() {
  return fs.mkdtemp(join(TEMPORARY, "test-"));
}

/** A client of a server with its own spool. What it logs is collected. */
async function start(t, ...script) {
  const server = await serve(t, ...script);
  const spool = join(await temporaryFolder(), "spool");
  const logged = [];
  const options = { url: server.url, key: KEY, secret: SECRET, spool, log: (line) => logged.push(line) };
  return { ...server, spool, logged, options, client: new Client(options) };
}

async function list(folder) {
  const names = await fs.readdir(folder).catch(() => []);
  return names.filter((name) => name.includes(".json")).sort();
}

async function until(what, condition) {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(10)) if (await condition()) return;
  assert.fail(`never: ${what}`);
}

async function writeWaiting(spool, name, call = {}, due = Date.now()) {
  await fs.mkdir(spool, { recursive: true });
  const written = { path: "receipt", key: name, body: "{}", ...call };
  await fs.writeFile(join(spool, `${name}.json`), JSON.stringify(written));
  await fs.utimes(join(spool, `${name}.json`), new Date(due), new Date(due));
}

/** Runs code beside the client in a process of its own. */
function child(t, { url, spool }, code, stdout = "inherit") {
  const source = `import { Client } from ${JSON.stringify(new URL("./sendpromptly.mjs", import.meta.url))};
    const client = new Client({ log: () => {} });\n${code}`;
  const settings = { SENDPROMPTLY_URL: url, SENDPROMPTLY_KEY: KEY, SENDPROMPTLY_SPOOL: spool };
  const one = spawn(process.execPath, ["--input-type=module", "-e", source], {
    env: { ...process.env, ...settings },
    stdio: ["ignore", stdout, "inherit"],
  });
  t.after(() => one.kill("SIGKILL"));
  return one;
}

// The calls.

test("a receipt and a result arrive, and nothing stays in the spool", async (t) => {
  const { client, requests, spool, logged } = await start(t, ACCEPT);
  const answer = await client.receipt({ ...RECEIPT, payload: { id: "evt_1" } });
  assert.deepEqual(answer, { event_id: "ev_1", accepted: true });
  await client.result("success", EVENT);
  const [receipt, result] = requests;
  assert.equal(receipt.path, "/api/v1/receipt");
  assert.equal(receipt.headers.authorization, `Bearer ${KEY}`);
  assert.equal(receipt.headers["content-type"], "application/json");
  assert.equal(receipt.key, RECEIPT_KEY);
  assert.deepEqual(JSON.parse(receipt.body), { ...RECEIPT, payload: { id: "evt_1" } });
  assert.equal(result.path, "/api/v1/result");
  assert.equal(result.key, RESULT_KEY);
  assert.deepEqual(JSON.parse(result.body), { ...EVENT, status: "success" });
  assert.deepEqual(await list(spool), []);
  assert.deepEqual(logged, []);
  assert.equal((await fs.stat(spool)).mode & 0o777, 0o700);
});

test("no server holds both calls for more than 2 seconds, and they are kept", async (t) => {
  const silent = net.createServer(() => {});
  await once(silent.listen(0, "127.0.0.1"), "listening");
  t.after(() => silent.close());
  const closed = net.createServer();
  await once(closed.listen(0, "127.0.0.1"), "listening");
  const { port } = closed.address();
  closed.close();
  const cases = {
    "hangs after the request": await start(t, HANG),
    "drips its headers": await start(t, DRIP_HEADERS),
    "drips its body": await start(t, DRIP_BODY),
    "answers with no JSON": await start(t, page(200)),
    "answers without end": await start(t, ENDLESS),
    "redirects": await start(t, json(302, {}, { location: "/" })),
    "hangs in the TLS handshake": { url: `https://127.0.0.1:${silent.address().port}` },
    "refuses connections": { url: `http://127.0.0.1:${port}` },
    "has no address": { url: "http://no-such-host.invalid" },
    "has a malformed address": { url: "localhost:8080" },
  };
  await Promise.all(
    Object.entries(cases).map(async ([what, { url }]) => {
      const spool = join(await temporaryFolder(), "spool");
      const logged = [];
      const client = new Client({ url, key: KEY, spool, log: (line) => logged.push(line) });
      const before = performance.now();
      assert.equal(await client.receipt(RECEIPT), null, what);
      assert.equal(await client.result("success", EVENT), null, what);
      const took = performance.now() - before;
      assert.ok(took < 2000, `${what}: ${took} ms`);
      assert.equal((await list(spool)).length, 2, what);
      for (const path of ["receipt", "result"]) {
        const told = new RegExp(`^sendpromptly: ${path}-evt_1\\S+ is sent again later: .`, "m");
        assert.match(logged.join("\n"), told, what);
      }
    }),
  );
});

test("both calls arrive once a server that hung is back", async (t) => {
  const { client, requests, spool, set } = await start(t, HANG);
  assert.equal(await client.receipt(RECEIPT), null);
  assert.equal(await client.result("success", EVENT), null);
  set(ACCEPT);
  await until("an empty spool", async () => (await list(spool)).length === 0);
  assert.deepEqual([...new Set(requests.slice(2).map((one) => one.key))].sort(), [RECEIPT_KEY, RESULT_KEY].sort());
});

test("what got no answer is sent again with the same bytes and key", async (t) => {
  const inProgress = json(409, { error: { code: "idempotency_in_progress", message: "still running" } });
  for (const first of [json(503, {}), json(500, {}), json(408, {}), json(425, {}), inProgress]) {
    const { client, requests, spool } = await start(t, first, ACCEPT);
    assert.equal(await client.receipt(RECEIPT), null);
    await until("a second attempt", () => requests.length === 2);
    assert.equal(requests[0].body, requests[1].body);
    assert.equal(requests[0].key, requests[1].key);
    await until("an empty spool", async () => (await list(spool)).length === 0);
  }
});

test("Retry-After is respected", async (t) => {
  const { client, requests } = await start(t, json(429, {}, { "retry-after": "2" }), ACCEPT);
  await client.receipt(RECEIPT);
  await until("a second attempt", () => requests.length === 2);
  assert.ok(requests[1].at - requests[0].at >= 2000);
});

test("what is rejected is told, set aside and not sent again", async (t) => {
  const message = "some fields\nare wrong";
  const fields = [{ field: "event_type", message: "is unknown" }];
  const invalid = error(422, "validation_error", { message, fields });
  const { client, requests, spool, logged } = await start(t, invalid, ACCEPT);
  assert.equal(await client.receipt(RECEIPT), null);
  const [line] = logged;
  assert.match(line, /was rejected: 422 validation_error some fields are wrong .*event_type.*is unknown/);
  assert.equal(await client.flush(), 0);
  assert.equal(requests.length, 1);
  const [name] = await list(join(spool, "rejected"));
  await fs.rename(join(spool, "rejected", name), join(spool, name));
  assert.equal(await client.flush(), 0, "moved back, it is sent");
  assert.equal(requests[1].body, requests[0].body);
});

test("only what the server says of the call itself is final", async (t) => {
  const { client, spool, set, logged } = await start(t, ACCEPT);
  const final = [
    error(422, "ambiguous_event", { candidates: [] }),
    error(409, "idempotency_conflict"),
    error(413, "payload_too_large"),
    error(413, "too_many_fields"),
  ];
  for (const one of final) {
    set(one);
    await client.receipt(RECEIPT);
    assert.match(logged.at(-1), /was rejected/);
  }
  set(error(404, "not_found"));
  await client.result("success", { event_id: "ev_1" });
  assert.match(logged.at(-1), /was rejected: 404 not_found no$/, "nobody knows that event");
  assert.equal((await list(join(spool, "rejected"))).length, 5);
  assert.deepEqual(await list(spool), []);
});

test("what can be put right is kept, told with its cure, and sent then", async (t) => {
  const passing = [
    [error(401, "unauthorized"), /401 unauthorized no check SENDPROMPTLY_KEY$/],
    [error(404, "not_found"), /404 not_found no check SENDPROMPTLY_URL$/],
    [error(400, "malformed_request"), /400 malformed_request no$/],
    [error(422, "a_code_of_later_days"), /422 a_code_of_later_days no$/],
    [error(422, ["validation_error"]), /is sent again later: 422/],
    [error(500, "validation_error"), /is sent again later: 500/],
    ...[400, 403, 404, 409, 413, 422, 429, 502].map((status) => [
      page(status),
      new RegExp(`${status} not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies$`),
    ]),
    [json(422, { error: "validation_error" }), /not a response of sendpromptly's/],
    // What a portal or another service says is no acceptance either.
    ...["<html>", "[]", "null", "7", '"text"', "{}", '{"accepted":false}', '[{"accepted":true}]'].map((text) => [
      page(200, text),
      /200 not a response of sendpromptly's/,
    ]),
  ];
  // One after the other: all at once, on a busy machine, none would have its answer in time.
  for (const [script, expected] of passing) {
    const { client, requests, spool, logged, set } = await start(t, script);
    assert.equal(await client.receipt(RECEIPT), null);
    assert.match(logged[0], expected);
    assert.match(logged[0], /is sent again later/);
    // Each goes through the spool once, with time enough for the answer.
    await client.flush(1000);
    await client.flush(1000);
    assert.ok(logged.length <= 2, `a reason is told once: ${logged.join("\n")}`);
    set(ACCEPT);
    await until("an empty spool", async () => (await client.flush(100), (await list(spool)).length === 0));
    assert.deepEqual(await list(join(spool, "rejected")), []);
    assert.equal(new Set(requests.map((one) => one.key + one.body)).size, 1);
  }
});

test("an answer is read up to 64 KiB", async (t) => {
  const answer = (size) => page(202, '{"accepted":true}'.padEnd(size));
  const { client, logged } = await start(t, answer(65_536), answer(65_537), ENDLESS);
  assert.deepEqual(await client.receipt(RECEIPT), { accepted: true });
  for (let n = 0; n < 2; n += 1) {
    assert.equal(await client.receipt(RECEIPT), null);
    assert.match(logged[n], /a response of over 65536 bytes/);
  }
});

test("what is set aside stays for 30 days, 10,000 of it, and what is removed is told", async (t) => {
  const { client, spool, logged } = await start(t, error(422, "validation_error"));
  const rejected = join(spool, "rejected");
  const days = (count) => Date.now() - count * 24 * 3600_000;
  for (const name of [`${days(31)}-aa`, `${days(29)}-bb`]) await writeWaiting(rejected, name);
  await client.receipt(RECEIPT);
  assert.equal((await list(rejected)).length, 2);
  assert.match(logged.at(-1), /removed from .*rejected: 1 that are old, \d+-aa.json first/);
  const dayAgo = days(1); // once: a clock that is set back would give a name twice
  for (let n = 0; n < 10_000; n += 1) writeFileSync(join(rejected, `${dayAgo + n}-cc.json`), "");
  await client.receipt(RECEIPT);
  // Listing so many again and again would keep the client itself from working.
  await until("the log", () => logged.some((line) => line.includes(": 3 that are old")));
  const names = await list(rejected);
  assert.equal(names.length, 10_000);
  assert.ok(!names.some((name) => name.endsWith("-bb.json")));
});

test("a result waits behind its receipt, within a millisecond too", async (t) => {
  const { client, spool } = await start(t, json(503, {}));
  const now = Date.now();
  t.mock.method(Date, "now", () => now);
  for (let n = 0; n < 3; n += 1) {
    await client.receipt(RECEIPT);
    await client.result("success", EVENT);
  }
  const read = async (name) => JSON.parse(await fs.readFile(join(spool, name), "utf8")).path;
  const paths = await Promise.all((await list(spool)).map(read));
  assert.deepEqual(paths, ["receipt", "result", "receipt", "result", "receipt", "result"]);
});

test("the oldest is sent first", async (t) => {
  const { options, requests, spool } = await start(t, ACCEPT);
  const left = { ...options, spool: `${spool}-left` };
  const now = Date.now();
  for (const age of [1, 3, 2]) await writeWaiting(left.spool, `${now - age}-aa`, {}, now - age);
  new Client(left);
  await until("an empty spool", async () => (await list(left.spool)).length === 0);
  assert.deepEqual(requests.map((one) => one.key), [3, 2, 1].map((age) => `${now - age}-aa`));
});

test("calls that never get through do not hold up the others", async (t) => {
  const bad = [1, 2, 3, 4, 5, 6, 7].map((n) => `${Date.now() - 100 + n}-aa`);
  const { options, requests, spool } = await start(t, (response) => {
    (bad.includes(response.req.headers["idempotency-key"]) ? page(403) : ACCEPT)(response);
  });
  const left = { ...options, spool: `${spool}-left` };
  for (const name of bad) await writeWaiting(left.spool, name);
  await writeWaiting(left.spool, `${Date.now()}-bb`);
  new Client(left);
  await until("the other", () => requests.some((one) => one.key.endsWith("bb")));
  // It has arrived before the client has its answer and removes its file.
  await until("the other's file is gone", async () => !(await list(left.spool)).some((name) => name.includes("-bb")));
  assert.equal((await list(left.spool)).length, 7);
});

test("a call waits longer and longer, up to a minute", async (t) => {
  const { client, spool } = await start(t, json(503, {}));
  for (const [age, least, most] of [[20, 9, 11], [900, 59, 61]]) {
    await writeWaiting(spool, `${Date.now() - age * 1000}-aa`);
    await client.flush(100);
    let wait;
    await until(`${age}`, async () => {
      const [name] = await list(spool);
      if (!name.endsWith(".json")) return false; // the client is at it
      wait = ((await fs.stat(join(spool, name))).mtimeMs - Date.now()) / 1000;
      return wait > 0;
    });
    assert.ok(wait > least - 5 && wait <= most, `${age}: ${wait}`);
    for (const name of await list(spool)) await fs.rm(join(spool, name));
  }
});

test("what is over 7 days old, or damaged, is set aside and told", async (t) => {
  const { client, requests, spool, logged } = await start(t, ACCEPT);
  await writeWaiting(spool, `${Date.now() - 8 * 24 * 3600_000}-aa`, { key: "receipt-old" });
  for (const text of ["", "null", "[]"]) await fs.writeFile(join(spool, `${Date.now()}-b${text.length}.json`), text);
  assert.equal(await client.flush(), 0);
  assert.equal(requests.length, 0);
  const lines = logged.sort().join("\n");
  assert.match(lines, /b0.json is set aside: the file is damaged\n.*receipt-old is set aside: older than 7 days/s);
  assert.equal((await list(join(spool, "rejected"))).length, 4);
});

test("without a usable spool calls are sent all the same, and that is told", async (t) => {
  const file = join(await temporaryFolder(), "file");
  await fs.writeFile(file, "");
  const { options, logged } = await start(t, ACCEPT);
  const client = new Client({ ...options, spool: join(file, "spool") });
  assert.ok(await client.receipt(RECEIPT));
  assert.match(logged.join("\n"), /sendpromptly: spool: ENOTDIR/);
});

test("a spool of 10,000 files takes no more, but calls are sent", async (t) => {
  const { client, spool, logged } = await start(t, ACCEPT);
  await fs.mkdir(spool, { recursive: true });
  for (let n = 0; n <= 10_000; n += 1) writeFileSync(join(spool, `filler-${n}`), "");
  assert.ok(await client.receipt(RECEIPT));
  assert.match(logged.join("\n"), /10000 files wait/);
});

/** Has a function of node:fs/promises wait until the disk is back; gives what brings it back. */
function slowDisk(t, name) {
  const original = patchable[name];
  let back;
  const gate = new Promise((resolve) => (back = resolve));
  patchable[name] = (...given) => gate.then(() => original(...given));
  const restore = () => {
    patchable[name] = original;
    syncBuiltinESMExports();
    back();
  };
  syncBuiltinESMExports();
  t.after(restore);
  return restore;
}

for (const name of ["mkdir", "readdir", "open", "rename", "rm"]) {
  test(`a disk that hangs in ${name}() holds neither the handler nor the call`, async (t) => {
    const { client, spool, logged, requests } = await start(t, ACCEPT);
    const back = slowDisk(t, name);
    const before = performance.now();
    assert.ok(await client.receipt(RECEIPT));
    const took = performance.now() - before;
    assert.ok(took < 2000, `${took} ms`);
    assert.match(logged.join(), /spool: the disk of .* is slow, receipt-evt_1\S+ is sent meanwhile/);
    back();
    await until("nothing is left", async () => (await fs.readdir(spool).catch(() => [])).length === 0);
    assert.equal(requests.length, 1);
  });
}

test("what a slow disk takes later is sent again if it did not get through", async (t) => {
  const { client, spool, set, requests } = await start(t, json(503, {}));
  const back = slowDisk(t, "open");
  assert.equal(await client.receipt(RECEIPT), null);
  set(ACCEPT);
  back();
  await until("the second attempt", () => requests.length === 2);
  await until("an empty spool", async () => (await list(spool)).length === 0);
});

test("on a full disk calls are sent all the same, and nothing is left behind", async (t) => {
  const folder = await temporaryFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", folder]).status === 0;
  if (!mounted) return t.skip("only root can mount a small disk");
  t.after(() => spawnSync("umount", ["-l", folder]));
  const { options, logged, set, requests } = await start(t, ACCEPT);
  const client = new Client({ ...options, spool: join(folder, "spool") });
  assert.ok(await client.receipt(RECEIPT));
  await fs.writeFile(join(folder, "filler"), Buffer.alloc(65_536)).catch(() => {});
  assert.ok(await client.receipt(RECEIPT));
  assert.match(logged[0], /spool: ENOSPC/);
  set(json(503, {}));
  await client.receipt(RECEIPT);
  assert.match(logged.at(-1), /is lost: 503/);
  assert.deepEqual(await fs.readdir(client.spool), []);
  await fs.rm(join(folder, "filler"));
  await client.receipt(RECEIPT);
  assert.match(logged.at(-1), /is sent again later: 503/);
  set(ACCEPT);
  await until("an empty spool", async () => (await list(client.spool)).length === 0);
  assert.equal(requests.at(-1).key, RECEIPT_KEY);
});

test("in the system's temporary folder another user's folder is not used", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root can make one");
  const { options, logged } = await start(t, ACCEPT);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = await temporaryFolder();
  try {
    const client = new Client({ ...options, spool: undefined });
    await fs.mkdir(client.spool, { recursive: true });
    await fs.chown(client.spool, 1, 1);
    assert.ok(await client.receipt(RECEIPT));
    assert.deepEqual(await fs.readdir(client.spool), []);
    assert.match(logged.join("\n"), /is another user's/);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

// Processes.

test("what a killed process was sending is sent by the next one, with the same key", async (t) => {
  const server = await start(t, HANG);
  const first = child(t, server, `await client.receipt(${JSON.stringify(RECEIPT)});`);
  await until("the first attempt", () => server.requests.length === 1);
  first.kill("SIGKILL");
  await once(first, "exit");
  const [name] = await list(server.spool);
  assert.match(name, /\.json\.\w+$/, "it was written before it was sent");
  // A minute later.
  const then = new Date(Date.now() - 61_000);
  await fs.utimes(join(server.spool, name), then, then);
  server.set(ACCEPT);
  child(t, server, "setInterval(() => {}, 1000);");
  await until("the second attempt", () => server.requests.length === 2);
  assert.equal(server.requests[1].key, server.requests[0].key);
  assert.equal(server.requests[1].body, server.requests[0].body);
  await until("an empty spool", async () => (await list(server.spool)).length === 0);
});

test("a process that is killed at any moment leaves whole calls, and all that it was told of", async (t) => {
  const server = await serve(t, json(503, {}));
  const spool = await temporaryFolder();
  const told = [];
  for (let round = 0; round < 8; round += 1) {
    const one = child(
      t,
      { ...server, spool },
      `for (let n = 0; ; n += 1) {
        const internal_reference = \`${round}-\${n}\`;
        await client.receipt({ ...${JSON.stringify(RECEIPT)}, internal_reference });
        console.log(internal_reference);
      }`,
      "pipe",
    );
    let printed = "";
    one.stdout.on("data", (data) => (printed += data));
    await until("some calls", () => printed.split("\n").length > 2 + round);
    one.kill("SIGKILL");
    await once(one, "close");
    told.push(...printed.split("\n").slice(0, -1));
  }
  const then = new Date(Date.now() - 61_000);
  for (const name of await fs.readdir(spool)) await fs.utimes(join(spool, name), then, then);
  server.requests.length = 0;
  server.set(ACCEPT);
  const client = new Client({ url: server.url, key: KEY, spool, log: (line) => assert.fail(line) });
  while (await client.flush());
  assert.deepEqual(await fs.readdir(spool), [], "no half-written one either");
  const arrived = new Set(server.requests.map((one) => JSON.parse(one.body).internal_reference));
  for (const reference of told) assert.ok(arrived.has(reference), reference);
});

test("a process ends although calls wait", async (t) => {
  const server = await serve(t, HANG);
  const spool = await temporaryFolder();
  for (let n = 0; n < 5; n += 1) await writeWaiting(spool, `${Date.now() + n}-aa`);
  const before = Date.now();
  const one = child(t, { ...server, spool }, "await new Promise((resolve) => setTimeout(resolve, 300));");
  const [status] = await once(one, "exit");
  assert.equal(status, 0);
  assert.ok(Date.now() - before < 2500, `${Date.now() - before} ms`);
  assert.equal((await list(spool)).length, 5);
});

test("processes that share a spool send each call once", async (t) => {
  const server = await serve(t, (response) => setTimeout(() => ACCEPT(response), 5));
  const spool = await temporaryFolder();
  for (let n = 0; n < 40; n += 1) await writeWaiting(spool, `${Date.now() + n}-aa`);
  const both = [1, 2].map(() => child(t, { ...server, spool }, "while (await client.flush());"));
  await Promise.all(both.map((one) => once(one, "exit")));
  assert.equal(new Set(server.requests.map((one) => one.key)).size, 40);
  assert.equal(server.requests.length, 40);
});

// What is sent.

test("texts are cleaned so that they can be sent", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  const cases = [
    [`${"x".repeat(1992)}😀`, `${"x".repeat(1992)}😀`],
    [`${"x".repeat(1999)}😀😀`, `${"x".repeat(1999)}😀`],
    ["x".repeat(20_000), "x".repeat(2000)],
    ["😀".repeat(20_000), "😀".repeat(2000)],
    ["a\0b\x07c\x1b[0m\r\n\td\x7f\x85", "abc[0m\n\td"],
    ["x\ud83d", "x\ufffd"],
    ["\udc00\ud83d\ude00", "\ufffd😀"],
  ];
  for (const [given, sent] of cases) {
    assert.ok(await client.result("failed", { ...EVENT, error_message: given }));
    assert.equal(JSON.parse(requests.at(-1).body).error_message, sent);
  }
  await client.result("failed", { ...EVENT, error_code: "é".repeat(300), internal_reference: "a\0b\ud800" });
  const { error_code, internal_reference } = JSON.parse(requests.at(-1).body);
  assert.equal(error_code, "é".repeat(200));
  assert.equal(internal_reference, "ab\ufffd");
  await client.receipt({ ...RECEIPT, provider_event_id: 820982911946154508n, payload: { a: "\ud83d" } });
  const receipt = JSON.parse(requests.at(-1).body);
  assert.equal(receipt.provider_event_id, "820982911946154508");
  assert.deepEqual(receipt.payload, { a: "\ufffd" });
});

test("an error gives error_code and error_message", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  class QueryFailed extends Error {}
  const thrower = { get message() { throw new Error("no"); } };
  const cases = [
    [new TypeError("x is null"), "TypeError", "x is null"],
    [new QueryFailed("lock"), "QueryFailed", "lock"],
    [Object.assign(new Error("duplicate"), { code: "P2002" }), "P2002", "duplicate"],
    [new DOMException("stopped", "AbortError"), "AbortError", "stopped"],
    [new TypeError("fetch failed", { cause: new Error("refused") }), "TypeError", "fetch failed: refused"],
    ["card declined", undefined, "card declined"],
    [7n, undefined, "7"],
    [Symbol("why"), undefined, "Symbol(why)"],
    [{ code: "card_declined", message: "no funds" }, "card_declined", "no funds"],
    [{ reason: "no funds" }, undefined, { reason: "no funds" }],
    [new TypeError(), "TypeError", "TypeError"],
    [undefined, undefined, undefined],
    [null, undefined, undefined],
    [Object.create(null), undefined, {}],
    [thrower, "Error", undefined],
  ];
  for (const [error, code, message] of cases) {
    assert.ok(await client.result("failed", { ...EVENT, error }));
    const sent = JSON.parse(requests.at(-1).body);
    assert.deepEqual([sent.error_code, sent.error_message, sent.error], [code, message, undefined]);
  }
  await client.result("failed", { ...EVENT, error: new Error("no"), error_code: "card_declined" });
  assert.equal(JSON.parse(requests.at(-1).body).error_code, "card_declined");
});

test("no value of an error costs its report", async (t) => {
  const { client, requests, logged } = await start(t, ACCEPT);
  const circle = {};
  circle.circle = circle;
  const mute = new (class Mute { toJSON() { throw new Error("no"); } })();
  const cases = [
    [{ a: 1n }, { a: "1" }],
    [circle, "Object"],
    [mute, "Mute"],
    [Object.assign(Object.create(null), { circle }), "object"],
    [NaN, "NaN"],
    [Symbol("why"), "Symbol(why)"],
    [new TypeError("why"), "TypeError: why"],
    [["why", 7], ["why", 7]],
  ];
  for (const [value, sent] of cases) {
    for (const name of ["error_message", "error_code"]) {
      assert.ok(await client.result("failed", { ...EVENT, [name]: value }));
      assert.deepEqual(JSON.parse(requests.at(-1).body)[name], sent);
    }
    assert.ok(await client.result("failed", { ...EVENT, error: value }));
  }
  assert.deepEqual(logged, []);
  assert.ok(await client.result("failed", { ...EVENT, effect_key: circle }));
  assert.equal(JSON.parse(requests.at(-1).body).effect_key, undefined);
  assert.deepEqual(logged, ["sendpromptly: effect_key left out: its value (Object) has no text"]);
});

test("ids and times are sent as the server takes them", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  const occurred_at = new Date(Date.UTC(2026, 10, 21, 14, 2, 9));
  const ids = { provider_event_id: 820982911946154508n, internal_reference: 2n ** 70n, effect_key: 0n };
  await client.receipt({ ...RECEIPT, ...ids, occurred_at });
  const receipt = JSON.parse(requests.at(-1).body);
  assert.equal(receipt.provider_event_id, "820982911946154508");
  assert.equal(receipt.internal_reference, String(2n ** 70n));
  assert.equal(receipt.effect_key, "0");
  assert.equal(receipt.occurred_at, "2026-11-21T14:02:09.000Z");
  await client.result("success", { event_id: 820982911946154508n });
  assert.equal(JSON.parse(requests.at(-1).body).event_id, "820982911946154508");
  await client.receipt({ ...RECEIPT, occurred_at: 1795269729.5 });
  assert.equal(JSON.parse(requests.at(-1).body).occurred_at, 1795269729.5);
  await client.receipt({ ...RECEIPT, occurred_at: 1795269729n, timeout_minutes: 5n });
  const { occurred_at: seconds, timeout_minutes } = JSON.parse(requests.at(-1).body);
  assert.deepEqual([seconds, timeout_minutes], [1795269729, 5]);
});

test("an amount is sent exactly, or left out and told; the receipt goes out", async (t) => {
  const { client, requests, logged } = await start(t, ACCEPT);
  const sent = async (amount) => {
    await client.receipt({ ...RECEIPT, amount });
    return JSON.parse(requests.at(-1).body).amount;
  };
  const amount = { value: 4900, currency: "USD" };
  assert.deepEqual(await sent({ value: 4900, currency: "usd", exponent: 2 }), amount);
  assert.deepEqual(await sent({ value: 4900n, currency: "USD" }), amount);
  assert.equal(await sent(null), undefined);
  assert.deepEqual(logged, []);
  for (const wrong of [49, "49.00 USD", { value: 49.5, currency: "USD" }, { value: "4900", currency: "USD" }, {}]) {
    assert.equal(await sent(wrong), undefined);
  }
  assert.equal(logged.filter((line) => line.includes("amount left out")).length, 5);
});

test("a payload that cannot be kept is left out, and the receipt goes out", async (t) => {
  const { client, requests, logged } = await start(t, ACCEPT);
  const circle = {};
  circle.circle = circle;
  const cases = [circle, { toJSON: () => assert.fail("no JSON") }, { text: "x".repeat(65_536) }];
  for (const payload of cases) {
    assert.ok(await client.receipt({ ...RECEIPT, payload }));
    assert.deepEqual(JSON.parse(requests.at(-1).body), RECEIPT);
  }
  assert.equal(logged.filter((line) => line.includes("payload left out")).length, 3);
  assert.ok(await client.receipt({ ...RECEIPT, payload: { big: 1n } }));
  assert.deepEqual(JSON.parse(requests.at(-1).body).payload, { big: "1" });
  assert.ok(await client.receipt({ ...RECEIPT, payload: { text: "x".repeat(65_000) } }));
  assert.equal(JSON.parse(requests.at(-1).body).payload.text.length, 65_000);
});

test("ids are sent without white space around them, and empty fields not at all", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  const odd = { effect_key: "", shopify_shop_domain: " ", replay_id: "", error_code: "", error_message: undefined };
  await client.receipt({ ...RECEIPT, ...odd, provider_event_id: "\u00a0evt_1\n", internal_reference: " user_456\u3000" });
  assert.deepEqual(JSON.parse(requests[0].body), RECEIPT);
  assert.equal(requests[0].key, RECEIPT_KEY);
  await client.result("success", { event_id: "ev_1", replay_id: "" });
  assert.deepEqual(JSON.parse(requests[1].body), { event_id: "ev_1", status: "success" });
  assert.equal(requests[1].key, "result-ev_1-success");
});

test("the same input has the same key in every language", async () => {
  const { cases } = JSON.parse(await fs.readFile(new URL("../keys.json", import.meta.url), "utf8"));
  assert.ok(cases.length > 30);
  for (const { name, call, status, fields, key } of cases) {
    assert.equal(idempotencyKey(call, { ...fields, status }), key, name);
  }
});

test("no two events share a key", async () => {
  const { apart } = JSON.parse(await fs.readFile(new URL("../keys.json", import.meta.url), "utf8"));
  const keys = apart.map(({ call, status, fields }) => idempotencyKey(call, { ...fields, status }));
  assert.ok(keys.length > 30);
  assert.equal(new Set(keys).size, keys.length);
  // All that a few pieces can be put together to.
  const seen = new Set();
  const names = ["provider", "provider_event_id", "event_type", "effect_type", "internal_reference", "effect_key"];
  const pieces = ["", "a", "a-a", "stripe"];
  for (let n = 0; n < pieces.length ** names.length; n += 1) {
    const event = Object.fromEntries(names.map((name, at) => [name, pieces[Math.floor(n / 4 ** at) % 4]]));
    seen.add(idempotencyKey("receipt", event));
    seen.add(idempotencyKey("result", { ...event, status: "success" }));
  }
  assert.equal(seen.size, 2 * pieces.length ** names.length);
});

test("the providers' test events, which share an id, have keys of their own", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  const tests = ["evt_00000000000000", "evt_00000000", "00000000", "00000000-0000-0000-0000-000000000000"];
  for (const id of tests) {
    for (let n = 0; n < 2; n += 1) await client.receipt({ ...RECEIPT, provider_event_id: id });
    const [first, second] = requests.splice(0).map((one) => one.key);
    assert.notEqual(first, second, id);
    assert.match(first, new RegExp(`^receipt-${id}-invoice.paid-credit_grant-\\w{32}-\\w{8}$`));
  }
  await client.receipt({ ...RECEIPT, provider_event_id: undefined, stripe_event_id: tests[0] });
  assert.match(requests.pop().key, /-\w{32}-\w{8}$/);
  for (const id of ["evt_0", "evt_0000000", "0", "--------", "evt_00000000000001", "ev_00000000"]) {
    await client.receipt({ ...RECEIPT, provider_event_id: id });
    assert.match(requests.pop().key, /-credit_grant-\w{32}$/, id);
  }
});

test("nothing throws, and the key stays secret", async (t) => {
  const { client, options, logged, spool } = await start(t, json(401, { error: { code: "unauthorized" } }));
  const keyless = new Client({ ...options, key: undefined, spool: `${spool}-other` });
  assert.equal(await keyless.receipt(RECEIPT), null);
  assert.match(logged[0], /SENDPROMPTLY_KEY is not set/);
  await assert.rejects(fs.stat(keyless.spool), "it makes no folder");
  const unsendable = { toJSON: () => assert.fail("it is no JSON") };
  for (const fields of [undefined, null, "text", 7, { unsendable }]) {
    assert.equal(await client.receipt(fields), null);
    assert.equal(await client.result("success", fields), null);
  }
  const loud = new Client({ ...options, log: () => assert.fail("the log is broken") });
  assert.equal(await loud.receipt(RECEIPT), null);
  assert.ok(!`${logged.join()}${inspect(client, { depth: 5 })}`.includes(KEY));
});

// Repairs.

/** The headers and body of a repair callback, signed as the server signs them. */
function callback(order, { secrets = [SECRET_BYTES], age = 0, nonce = randomUUID() } = {}) {
  const body = Buffer.from(JSON.stringify(order));
  const timestamp = String(Math.floor(Date.now() / 1000) - age);
  const signatures = secrets.map((secret) => {
    const mac = createHmac("sha256", secret).update(`${timestamp}.${nonce}.`).update(body);
    return `v1=${mac.digest("hex")}`;
  });
  const signature = signatures.join(",");
  return [{ "x-sp-timestamp": timestamp, "x-sp-nonce": nonce, "x-sp-signature": signature }, body];
}

const ORDER = { type: "reprocess", replay_id: "rpl_1", event_id: "ev_1", effect_type: "credit_grant" };

test("verify gives the order of what is genuine, and null for the rest", async (t) => {
  const { client } = await start(t, ACCEPT);
  const other = Buffer.alloc(32, 9);
  const [headers, body] = callback(ORDER);
  assert.deepEqual(client.verify(headers, body), ORDER);
  assert.deepEqual(client.verify(new Headers(headers), body.toString()), ORDER);
  assert.deepEqual(client.verify(headers, new Uint8Array(body).buffer), ORDER);
  assert.deepEqual(client.verify(...callback(ORDER, { secrets: [other, SECRET_BYTES] })), ORDER, "rotated");
  assert.deepEqual(client.verify(...callback(ORDER, { age: 299 })), ORDER);
  const without = (name) => ({ ...headers, [name]: undefined });
  const bad = {
    "another secret": callback(ORDER, { secrets: [other] }),
    "another body": [headers, Buffer.concat([body, Buffer.from(" ")])],
    "too old": callback(ORDER, { age: 302 }),
    "from the future": callback(ORDER, { age: -302 }),
    "a dot in the nonce": callback(ORDER, { nonce: "a.b" }),
    "an empty nonce": callback(ORDER, { nonce: "" }),
    "no signature": [without("x-sp-signature"), body],
    "no timestamp": [without("x-sp-timestamp"), body],
    "no headers": [{}, body],
    "no v1": [{ ...headers, "x-sp-signature": headers["x-sp-signature"].slice(3) }, body],
    "a timestamp with more": [{ ...headers, "x-sp-timestamp": `${headers["x-sp-timestamp"]}.0` }, body],
  };
  for (const [what, given] of Object.entries(bad)) assert.equal(client.verify(...given), null, what);
});

test("verify tells a developer what is missing", async (t) => {
  const { client, options } = await start(t, ACCEPT);
  const [headers] = callback(ORDER);
  for (const body of [ORDER, {}, undefined, [1]]) {
    const expected = /the raw body is needed, before any parser.*express.raw/;
    assert.throws(() => client.verify(headers, body), expected);
  }
  for (const secret of ["", "whsec_"]) {
    const bare = new Client({ ...options, secret });
    assert.throws(() => bare.verify(...callback(ORDER, { secrets: [""] })), /SENDPROMPTLY_SECRET is not set/);
  }
});

test("a repair is answered, worked on once and reported", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  const orders = [];
  const work = (order) => void orders.push(order);
  const { done, ...answer } = await client.repair(...callback(ORDER), work);
  assert.deepEqual(answer, { status: 202, body: "accepted" });
  await done;
  const again = await client.repair(...callback(ORDER), work);
  assert.deepEqual(again, { status: 202, body: "taken before" });
  assert.deepEqual(orders, [ORDER]);
  assert.equal(requests.length, 1);
  assert.equal(requests[0].key, "result-ev_1-success-rpl_1");
  const sent = { status: "success", event_id: "ev_1", replay_id: "rpl_1" };
  assert.deepEqual(JSON.parse(requests[0].body), sent);
});

test("it is answered before the work ends, and twice at once is worked on once", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  let finish;
  let count = 0;
  const work = () => {
    count += 1;
    return new Promise((resolve) => (finish = () => resolve("superseded")));
  };
  const answers = await Promise.all([1, 2].map(() => client.repair(...callback(ORDER), work)));
  assert.deepEqual(answers.map((one) => one.status), [202, 202]);
  assert.equal(count, 1);
  finish();
  await until("a result", () => requests.length === 1);
  assert.equal(JSON.parse(requests[0].body).status, "superseded");
});

test("work that fails is reported, and can be asked for again", async (t) => {
  const { client, requests } = await start(t, ACCEPT);
  const failing = () => {
    throw new RangeError("no credits");
  };
  await (await client.repair(...callback(ORDER), failing)).done;
  const ids = { event_id: "ev_1", replay_id: "rpl_1" };
  const error = { error_code: "RangeError", error_message: "no credits" };
  assert.deepEqual(JSON.parse(requests[0].body), { status: "failed", ...ids, ...error });
  await (await client.repair(...callback(ORDER), () => {})).done;
  assert.equal(JSON.parse(requests[1].body).status, "success");
});

test("work that a dead process has left is done again after an hour, finished work is not", async (t) => {
  const { client, spool } = await start(t, ACCEPT);
  const seen = join(spool, "seen");
  const name = `replay-${createHash("sha256").update("rpl_1").digest("hex")}`;
  await fs.mkdir(seen, { recursive: true });
  await fs.writeFile(join(seen, name), "");
  assert.equal((await client.repair(...callback(ORDER), () => {})).body, "taken before");
  let held;
  const work = async () => void (held = (await fs.stat(join(seen, name))).mtimeMs - Date.now());
  const then = new Date(Date.now() - 61_000);
  await fs.utimes(join(seen, name), then, then);
  const { body, done } = await client.repair(...callback(ORDER), work);
  assert.equal(body, "accepted");
  await done;
  assert.ok(held > 3590_000 && held <= 3600_000, `${held}`);
  const { mtimeMs } = await fs.stat(join(seen, name));
  assert.ok(mtimeMs > Date.now() + 29 * 24 * 3600_000);
});

test("every way of repair to say no", async (t) => {
  const { client, options } = await start(t, ACCEPT);
  const work = () => assert.fail("nothing is worked on");
  const probe = callback({ type: "probe", replay_id: "rpl_1" });
  assert.deepEqual(await client.repair(...probe, work), { status: 200, body: "probe" });
  assert.deepEqual(await client.repair(...probe, work), { status: 409, body: "nonce seen before" });
  const neighbour = new Client(options); // shares the spool, so it shares what was seen
  assert.equal((await neighbour.repair(...probe, work)).status, 409);
  const cases = [
    [callback(ORDER, { age: 600 }), 401, "stale timestamp"],
    [callback(ORDER, { nonce: "a.b" }), 401, "bad nonce"],
    [callback(ORDER, { secrets: [Buffer.alloc(32)] }), 401, "bad signature"],
    [[{}, Buffer.from("{}")], 401, "no timestamp"],
    [callback({ ...ORDER, type: "other" }), 422, "unknown type"],
  ];
  for (const [given, status, body] of cases) {
    assert.deepEqual(await client.repair(...given, work), { status, body });
  }
  const parsed = await client.repair(callback(ORDER)[0], ORDER, work);
  assert.equal(parsed.status, 500);
  assert.match(parsed.body, /the raw body is needed, before any parser/);
  const keyless = new Client({ ...options, key: undefined });
  const unset = await keyless.repair(...callback(ORDER), work);
  assert.deepEqual(unset, { status: 500, body: "SENDPROMPTLY_KEY is not set" });
});

test("what was seen can be kept in a table that machines share", async (t) => {
  const { options, requests } = await start(t, ACCEPT);
  const table = new Map();
  const claim = (name, seconds) => !table.has(name) && Boolean(table.set(name, seconds));
  const extend = (name, seconds) => table.set(name, seconds);
  const release = (name) => table.delete(name);
  const [one, two] = [1, 2].map(() => new Client({ ...options, claim, extend, release }));
  await (await one.repair(...callback(ORDER), () => {})).done;
  assert.equal((await two.repair(...callback(ORDER), () => {})).body, "taken before");
  assert.deepEqual([...table.values()], [600, 30 * 24 * 3600, 600]);
  assert.equal(requests.length, 1);
});
