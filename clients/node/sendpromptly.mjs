// The sendpromptly client, one file to copy into your app. Node 18 or newer, no packages.
//
// receipt() and result() never throw and end within a second each, whatever network and disk do: your webhook
// handler goes on. Each call is written to a folder, the spool, before it is sent. What does not get through
// stays there and is sent again in the background, by this process or the next. What the server rejects,
// and what is a week old, is moved to rejected/ beside it and logged.
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import * as fs from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const BUDGET = 850; // ms for disk, DNS, connect, TLS, headers and body: two calls have 2 s, with a margin
const DISK_BUDGET = 400; // of these, before the call is sent without waiting for the disk
const BACKGROUND_BUDGET = 10_000;
const WORK = 3600; // seconds after which work that has not ended died with its process
const LEASE = 60_000; // ms after which whoever was sending a call is gone: an attempt takes seconds
const DAY = 24 * 3600_000;
const MOST_FILES = 10_000;
const MOST_ANSWER = 65_536; // bytes
// The server's errors that are about the call itself, so that no later attempt fares better. Whatever else
// comes (a wrong key, a proxy's page, an overload) can be put right, and the call is kept until it is.
const FINAL = [
  "validation_error",
  "ambiguous_event",
  "idempotency_conflict",
  "payload_too_large",
  "too_many_fields",
];
const LIMITS = { __proto__: null, error_code: 200, error_message: 2000 }; // characters
const NUMBERS = ["occurred_at", "timeout_minutes"]; // the rest is text, ids too
const TEST_ID = /^(evt_)?(?=-*0)[0-]{8,}$/; // of the providers' test events: zeros, or a UUID of them
const RAW_BODY =
  "the raw body is needed, before any parser: in Express put express.raw({ type: 'application/json' }) " +
  "on this route, above express.json(); of a fetch Request pass await request.arrayBuffer()";

export class Client {
  #key;
  #secret;
  #isTemporary;
  #timer;
  #delay = 500;
  #latest = 0;
  #quietUntil = 0; // as the server's Retry-After asks
  #toldInBackground; // a reason is logged once, and not at every attempt

  /**
   * Where several machines answer repairs, they need these three over a table that they share:
   * claim(name, seconds) takes a name for so long and tells whether it was free, extend(name, seconds)
   * keeps it for so long from now, release(name) frees it.
   */
  constructor({ url, key, secret, spool, log, claim, extend, release } = {}) {
    const env = process.env;
    this.url = (url || env.SENDPROMPTLY_URL || "https://sendpromptly.example.com").replace(/\/+$/, "");
    this.#key = (key || env.SENDPROMPTLY_KEY || "").trim(); // sk_test_... or sk_live_...
    this.#secret = (secret || env.SENDPROMPTLY_SECRET || "").trim(); // whsec_..., for repairs
    this.spool = spool || env.SENDPROMPTLY_SPOOL;
    this.#isTemporary = !this.spool;
    this.spool ||= join(tmpdir(), `sendpromptly-spool-${sha256(this.#key).slice(0, 8)}`);
    this.log = log || console.error;
    this.claim = claim || this.#claimFile;
    this.extend = extend || this.#extendFile;
    this.release = release || this.#releaseFile;
    if (this.#key) this.#resendIn(0); // what an earlier process left
  }

  /** You took a payment event, and an effect is due. Gives the response, or null without one. */
  receipt(fields) {
    return this.#call("receipt", fields);
  }

  /**
   * The effect is applied ("success"), is not ("failed"), or a newer event made it void ("superseded").
   * Name the event as in its receipt, or by event_id. An Error as `error` fills error_code and error_message,
   * a text as `error` is the error_message.
   */
  result(status, fields) {
    return this.#call("result", { ...fields, status });
  }

  async #call(path, fields) {
    const end = Date.now() + BUDGET;
    try {
      if (!this.#key) return this.#say(`${path} not sent: SENDPROMPTLY_KEY is not set`);
      const body = this.#clean(fields);
      // The providers' test events share one id: each is given a key, and so an event, of its own.
      const isTest = TEST_ID.test(body.provider_event_id ?? body.stripe_event_id);
      const key = idempotencyKey(path, body) + (isTest ? `-${randomBytes(4).toString("hex")}` : "");
      const call = { path, key, body: JSON.stringify(body, wellFormed) };
      const spoolFailed = (error) => this.#say(`spool: ${error.message}`);
      const writing = this.#write(call).catch(spoolFailed); // sent all the same
      const file = await within(DISK_BUDGET, writing);
      if (file === undefined) this.#say(`spool: the disk of ${this.spool} is slow, ${key} is sent meanwhile`);
      const outcome = await this.#attempt(call, end - Date.now());
      if (!outcome.answer) {
        const fate = outcome.isFinal ? "was rejected" : file === null ? "is lost" : "is sent again later";
        this.#say(`${key} ${fate}: ${outcome.why}`);
      }
      const settling = writing.then((written) => this.#settle(written, outcome)).catch(spoolFailed);
      await within(end + 50 - Date.now(), settling);
      return outcome.answer ?? null;
    } catch (error) {
      return this.#say(`${path} not sent: ${error?.message}`);
    }
  }

  #clean({ payload, error, ...fields }) {
    const body = { ...describe(error), ...fields };
    for (const [name, value] of Object.entries(body)) {
      body[name] = name === "amount" ? this.#amount(value) : this.#value(name, value);
    }
    try {
      const size = Buffer.byteLength(JSON.stringify(payload ?? null, wellFormed));
      if (size <= 65_536) return { ...body, payload };
      this.#say(`payload left out: its JSON has ${size} bytes, over 65536`);
    } catch (error) {
      this.#say(`payload left out: ${error?.message}`);
    }
    return body;
  }

  /** What is sent of an amount of money. One that is not exact costs its field, and never the call. */
  #amount(given) {
    if (given === null || given === undefined) return undefined;
    const value = typeof given.value === "bigint" ? Number(given.value) : given.value;
    const currency = typeof given.currency === "string" ? given.currency.trim().toUpperCase() : "";
    if (Number.isSafeInteger(value) && /^[A-Z]{3}$/.test(currency)) return { value, currency };
    this.#say('amount left out: it takes whole minor units, as in { value: 4900, currency: "USD" }');
    return undefined;
  }

  /** What is sent of a value. One that has no text costs at most its field, and never the call. */
  #value(name, value) {
    if (value === null || value === undefined) return undefined;
    if (typeof value === "boolean" || Number.isFinite(value)) return value;
    if (typeof value === "bigint" && NUMBERS.includes(name)) return Number(value);
    try {
      const isObject = typeof value === "object" && !(value instanceof Error);
      const plain = isObject ? JSON.parse(JSON.stringify(value, wellFormed)) : String(value);
      return typeof plain === "string" ? cleanText(plain, LIMITS[name]) || undefined : (plain ?? undefined);
    } catch {
      if (name in LIMITS) return typeName(value);
      this.#say(`${name} left out: its value (${typeName(value)}) has no text`);
      return undefined;
    }
  }

  /** Sends a call once. Gives { answer }, or { why, isFinal, wait }. */
  async #attempt({ path, key, body }, milliseconds, inBackground) {
    const signal = AbortSignal.timeout(Math.max(1, milliseconds));
    try {
      const url = new URL(`${this.url}/api/v1/${path}`);
      const authorization = `Bearer ${this.#key}`;
      const headers = { authorization, "idempotency-key": key, "content-type": "application/json" };
      const { request } = url.protocol === "https:" ? https : http;
      const response = await new Promise((resolve, reject) => {
        const sent = request(url, { method: "POST", headers, signal }, resolve).on("error", reject);
        if (inBackground) sent.on("socket", (socket) => socket.unref());
        sent.end(body);
      });
      const parts = [];
      let size = 0;
      for await (const part of response) {
        size += part.length;
        if (size > MOST_ANSWER) throw new Error(`a response of over ${MOST_ANSWER} bytes`);
        parts.push(part);
      }
      const wait = Math.min(60, parseInt(response.headers["retry-after"], 10) || 0) * 1000;
      return { ...judge(response.statusCode, Buffer.concat(parts).toString(), body), wait };
    } catch (error) {
      return { why: signal.aborted ? "no response in time" : error.code || error.message, wait: 0 };
    }
  }

  /** Removes the file of a call that got through, sets aside a rejected one, and has others wait. */
  async #settle(file, { answer, isFinal, wait }) {
    if (answer) this.#delay = 1000;
    if (!file) return;
    if (answer) return fs.rm(file, { force: true });
    if (isFinal) return this.#setAside(file);
    const age = Date.now() - parseInt(basename(file), 10);
    const due = new Date(Date.now() + Math.min(60_000, Math.max(age / 2, wait)));
    await fs.utimes(file, due, due);
    await fs.rename(file, unclaimed(file));
    this.#quietUntil = Math.max(this.#quietUntil, Date.now() + wait);
    this.#resendIn(this.#delay);
  }

  // In the spool `<time>-<random>.json` waits until its modification time. With `.<random>` behind it, a
  // process has been sending it since then; renaming decides which.

  async #folder(inside = "") {
    await fs.mkdir(join(this.spool, inside), { recursive: true, mode: 0o700 });
    const { uid } = await fs.lstat(this.spool);
    const isOurs = uid === (process.getuid?.() ?? uid);
    // Anyone can make a folder of this name in the system's temporary one.
    if (this.#isTemporary && !isOurs) throw new Error(`${this.spool} is another user's`);
    return join(this.spool, inside);
  }

  async #write(call) {
    this.#latest = Math.max(Date.now(), this.#latest + 1); // so that names sort within a millisecond too
    const id = `${this.#latest}-${randomBytes(6).toString("hex")}`;
    const folder = await this.#folder();
    if ((await fs.readdir(folder)).length > MOST_FILES) throw new Error(`${MOST_FILES} files wait in ${folder}`);
    const name = join(folder, id);
    try {
      const handle = await fs.open(`${name}.tmp`, "wx", 0o600);
      await handle.writeFile(JSON.stringify(call)).then(() => handle.sync()).finally(() => handle.close());
      const file = claimed(`${name}.json`);
      await fs.rename(`${name}.tmp`, file);
      return file;
    } finally {
      await fs.rm(`${name}.tmp`, { force: true });
    }
  }

  /**
   * What is not sent yet, as { name, due }. What has waited longest comes first: a result does not overtake
   * its receipt, and what fails again and again does not hold up the rest.
   */
  async #waiting() {
    const folder = await this.#folder();
    const look = async (name) => {
      const stat = await fs.stat(join(folder, name)).catch(ifThere);
      if (!stat) return null;
      if (name.endsWith(".json")) return { name, due: stat.mtimeMs };
      if (name.includes(".json.")) return { name, due: stat.mtimeMs + LEASE, isClaimed: true };
      // Half a call: its process died while writing it, and it was not sent.
      if (stat.mtimeMs < Date.now() - LEASE) await fs.rm(join(folder, name), { force: true });
      return null;
    };
    const names = (await fs.readdir(folder)).filter((name) => /^\d+-\w+\.(json|tmp)/.test(name));
    const found = (await Promise.all(names.sort().map(look))).filter(Boolean);
    return found.sort((one, other) => one.due - other.due);
  }

  async #claim(name) {
    const file = join(this.spool, name);
    await fs.utimes(file, new Date(), new Date());
    const mine = claimed(file);
    await fs.rename(file, mine);
    return mine;
  }

  /** Goes through the spool once. Gives how many calls are left. */
  async #resend(end) {
    const inBackground = end === Infinity;
    let failures = 0;
    for (const { name, due, isClaimed } of await this.#waiting()) {
      await pause(0, null, { ref: !inBackground }); // a process may end here
      if (Date.now() >= end || Date.now() < this.#quietUntil) break;
      if (due > Date.now() && (inBackground || isClaimed)) continue;
      const file = await this.#claim(name).catch(ifThere);
      if (!file) continue;
      const call = parse(await fs.readFile(file, "utf8"));
      // The server forgets keys after 7 days.
      if (!call?.key || Date.now() - parseInt(name, 10) > 7 * DAY) {
        const why = call?.key ? "older than 7 days" : "the file is damaged";
        this.#say(`${call?.key ?? name} is set aside: ${why}`);
        await this.#setAside(file);
        continue;
      }
      const outcome = await this.#attempt(call, Math.min(BACKGROUND_BUDGET, end - Date.now()), inBackground);
      const { answer, why, isFinal } = outcome;
      if (isFinal) this.#say(`${call.key} was rejected: ${why}`);
      else if (why && why !== this.#toldInBackground) this.#say(`${call.key} is sent again later: ${why}`);
      if (!isFinal) this.#toldInBackground = why;
      await this.#settle(file, outcome);
      // The server seems to be away.
      if (!answer && !isFinal) failures += 1;
      if (failures === 3) break;
    }
    return (await this.#waiting()).length;
  }

  #resendIn(milliseconds) {
    const wait = Math.max(milliseconds * (1 + Math.random() / 4), this.#quietUntil - Date.now());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#delay = Math.min(60_000, this.#delay * 2);
      this.#resend(Infinity)
        .catch((error) => this.#say(`spool: ${error.message}`) ?? 1)
        .then((left) => left > 0 && this.#resendIn(this.#delay));
    }, wait).unref();
  }

  /** Sends what waits, for at most so long. Gives how many calls are left. */
  async flush(milliseconds = 10_000) {
    const end = Date.now() + milliseconds;
    for (;;) {
      const left = await this.#resend(end).catch((error) => this.#say(`spool: ${error.message}`));
      if (!left || Date.now() + 1000 >= end) return left ?? 0;
      await pause(1000);
    }
  }

  /** Keeps what is not sent any more: the newest 10,000 of the last 30 days. Moved back, a file is sent. */
  async #setAside(file) {
    const folder = await this.#folder("rejected");
    await fs.rename(file, join(folder, basename(unclaimed(file))));
    const names = (await fs.readdir(folder)).sort();
    const isOld = (name, at) => at < names.length - MOST_FILES || parseInt(name, 10) < Date.now() - 30 * DAY;
    const old = names.filter(isOld);
    for (const name of old) await fs.rm(join(folder, name), { force: true });
    if (old.length > 0) this.#say(`removed from ${folder}: ${old.length} that are old, ${old[0]} first`);
  }

  /** The order that a repair callback brings, or null if the callback is not genuine. */
  verify(headers, rawBody) {
    return this.#check(headers, rawBody).order ?? null;
  }

  #check(headers, rawBody) {
    const isRaw = rawBody instanceof Uint8Array || rawBody instanceof ArrayBuffer;
    if (!isRaw && typeof rawBody !== "string") throw new TypeError(RAW_BODY);
    const secret = Buffer.from(this.#secret.replace(/^whsec_/, ""), "base64");
    // Anyone can sign with an empty secret.
    if (secret.length === 0) throw new Error("SENDPROMPTLY_SECRET is not set");
    const header = (name) => String(headers.get?.(name) ?? headers[name] ?? "");
    const [timestamp, nonce] = [header("x-sp-timestamp"), header("x-sp-nonce")];
    if (!/^[0-9]+$/.test(timestamp)) return { reason: "no timestamp" };
    if (Math.abs(Date.now() / 1000 - timestamp) > 300) return { reason: "stale timestamp" };
    if (nonce === "" || nonce.includes(".")) return { reason: "bad nonce" };
    const body = Buffer.from(rawBody);
    const mac = createHmac("sha256", secret).update(`${timestamp}.${nonce}.`).update(body);
    const wanted = Buffer.from(`v1=${mac.digest("hex")}`);
    // While a secret is being rotated there are several signatures; one of them fits.
    const isGenuine = header("x-sp-signature").split(",").some((one) => {
      const given = Buffer.from(one.trim());
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    });
    return isGenuine ? { order: parse(body), nonce } : { reason: "bad signature" };
  }

  /**
   * Answers a repair callback, { status, body }; then works, once per replay_id, and reports the result.
   * `work(order)` may return "superseded". A process can die in the middle of it and work again, which
   * must do no harm. `done` resolves when all is reported, for the waitUntil of serverless platforms.
   */
  async repair(headers, rawBody, work) {
    try {
      if (!this.#key) throw new Error("SENDPROMPTLY_KEY is not set");
      const { order, nonce, reason } = this.#check(headers, rawBody);
      if (!order) return { status: 401, body: reason ?? "no order" };
      const isNew = await this.claim(`nonce-${sha256(nonce)}`, 600);
      if (!isNew) return { status: 409, body: "nonce seen before" };
      if (order.type === "probe") return { status: 200, body: "probe" };
      if (order.type !== "reprocess") return { status: 422, body: "unknown type" };
      const name = `replay-${sha256(String(order.replay_id))}`;
      if (!(await this.claim(name, WORK))) return { status: 202, body: "taken before" };
      return { status: 202, body: "accepted", done: this.#work(order, work, name) };
    } catch (error) {
      this.#say(`repair: ${error.message}`);
      return { status: 500, body: error.message };
    }
  }

  async #work(order, work, name) {
    const outcome = { status: "success", event_id: order.event_id, replay_id: order.replay_id };
    try {
      if ((await work(order)) === "superseded") outcome.status = "superseded";
    } catch (error) {
      Object.assign(outcome, { status: "failed", error });
    }
    await this.#call("result", outcome);
    try {
      // What failed may be asked for again under the same replay_id.
      if (outcome.status === "failed") await this.release(name);
      else await this.extend(name, 30 * 24 * 3600);
    } catch (error) {
      this.#say(`repair: ${error.message}`);
    }
  }

  /** Makes a file that only one process can make. It may be forgotten a minute after its time. */
  async #claimFile(name, seconds) {
    const folder = await this.#folder("seen");
    for (const old of await fs.readdir(folder)) {
      const stat = await fs.stat(join(folder, old)).catch(() => null); // another process removed it
      if (stat && stat.mtimeMs < Date.now() - 60_000) await fs.rm(join(folder, old), { force: true });
    }
    try {
      await fs.writeFile(join(folder, name), "", { flag: "wx", mode: 0o600 });
    } catch (error) {
      if (error.code === "EEXIST") return false;
      throw error;
    }
    await this.#extendFile(name, seconds);
    return true;
  }

  async #extendFile(name, seconds) {
    const until = new Date(Date.now() + seconds * 1000);
    await fs.utimes(join(this.spool, "seen", name), until, until);
  }

  async #releaseFile(name) {
    await fs.rm(join(this.spool, "seen", name), { force: true });
  }

  #say(text) {
    try {
      this.log(`sendpromptly: ${text.replace(/\s+/g, " ")}`);
    } catch {} // a log that fails must not fail the webhook handler
    return null;
  }
}

/** All that tells calls apart, as keys are made of it. */
const PARTS = (
  "provider event_id provider_event_id event_type effect_type internal_reference effect_key " +
  "shopify_shop_domain status replay_id"
).split(" ");
/** Reads a key's head back. What reads back whole is a key as it is; all else needs a hash behind it. */
const HEAD = {
  receipt: /^receipt-(?<provider_event_id>.+)-(?<event_type>[^-]+)-(?<effect_type>[^-]+)$/,
  result: new RegExp(
    "^result-((?<event_id>ev_[^-]+)|(?<provider_event_id>(?!ev_).+?))(-(?<effect_type>[^-]+))?" +
      "-(?<status>success|failed|superseded)(-(?<replay_id>rpl_[^-]+))?$",
  ),
};

/**
 * Equal for equal calls, and different for different events, in all of the sendpromptly clients:
 * receipt-<event>-<event type>-<effect> or result-<event>-<effect>-<status>-<replay_id>, with a hash of all
 * the parts behind it where more than these tells the event apart.
 */
export function idempotencyKey(call, fields) {
  const part = (name) => trim(String(fields[name] ?? ""));
  const parts = Object.fromEntries(PARTS.map((name) => [name, part(name)]));
  if (!parts.provider_event_id && part("stripe_event_id")) {
    parts.provider_event_id = part("stripe_event_id");
    parts.provider ||= "stripe";
  }
  const { event_id, provider_event_id, event_type, effect_type, status, replay_id } = parts;
  const shown =
    call === "receipt"
      ? [provider_event_id, event_type, effect_type]
      : [event_id || provider_event_id, effect_type, status, replay_id];
  const head = [call, ...shown.filter(Boolean)].join("-");
  const read = { provider: call === "receipt" ? "stripe" : "", ...head.match(HEAD[call])?.groups };
  const isWhole = PARTS.every((name) => (read[name] ?? "") === parts[name]);
  const hash = sha256(PARTS.map((name) => `${Buffer.byteLength(parts[name])}:${parts[name]}`).join(""));
  const key = isWhole ? head : `${head}-${hash.slice(0, 32)}`;
  return /^[!-~]{1,200}$/.test(key) ? key : `${call}-${hash}`;
}

/** What a response means: { answer }, or { why, isFinal }. `body` is the call's. */
function judge(status, text, body) {
  const answer = parse(text);
  if (status >= 200 && status < 300 && answer?.accepted === true) return { answer };
  const { code, message, fields } = Object(answer?.error);
  const namesUnknownEvent = code === "not_found" && Boolean(parse(body)?.event_id);
  const isFinal = status >= 400 && status < 500 && (FINAL.includes(code) || namesUnknownEvent);
  const cures = { unauthorized: "check SENDPROMPTLY_KEY", not_found: "check SENDPROMPTLY_URL" };
  const cure = code ? cures[code] : "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies";
  const why = [status, code, message, JSON.stringify(fields), !isFinal && cure].filter(Boolean).join(" ");
  return { why, isFinal };
}

/** error_code is the error's own code, such as P2002, or else its class. What is no object has none. */
function describe(error) {
  if (error === null || error === undefined) return {};
  if (typeof error !== "object") return { error_message: error };
  try {
    const { code, name, message, cause, constructor } = error;
    const className = name && name !== "Error" ? name : constructor?.name;
    const isPlain = !className || className === "Object";
    const text = message ? String(message) : isPlain ? error : String(error);
    return {
      error_code: typeof code === "string" && code ? code : isPlain ? undefined : className,
      error_message: message && cause?.message ? `${text}: ${cause.message}` : text, // "fetch failed: ..."
    };
  } catch {
    return { error_code: "Error" }; // anything can be thrown, also what has no text
  }
}

function typeName(value) {
  try {
    return String(value.constructor.name) || typeof value;
  } catch {
    return typeof value;
  }
}

/** Without control characters; and cut, or else without white space around it, as ids are compared. */
function cleanText(text, limit) {
  const clean = wellFormed("", text).replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, "");
  return limit ? [...clean.slice(0, 2 * limit)].slice(0, limit).join("") : trim(clean);
}

/** Not String.trim(), which is not quite what other languages do. */
function trim(text) {
  return text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");
}

/** For JSON.stringify: half a surrogate pair is no text, and JSON has no bigint. */
function wellFormed(_, value) {
  if (typeof value === "bigint") return String(value);
  return typeof value === "string" ? value.replace(/[\ud800-\udfff]/gu, "\ufffd") : value;
}

/** The JSON object of a text, or null if it is none. */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** What a promise gives, or undefined where that takes longer. */
function within(milliseconds, promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, Math.max(1, milliseconds))));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** For catch(): another process was faster. */
function ifThere(error) {
  if (error.code === "ENOENT") return null;
  throw error;
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const unclaimed = (file) => file.replace(/\.json\..+$/, ".json");
const claimed = (file) => `${unclaimed(file)}.${randomBytes(4).toString("hex")}`;
