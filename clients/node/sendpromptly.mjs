// The sendpromptly client, one file to copy into your app. Node 18 or newer, no packages.
//
// receipt() and result() never throw and end within 2 seconds, so that your webhook handler goes on.
// Each call is written to a folder, the spool, before it is sent. What does not get through stays
// there and is sent again in the background, by this process or the next.
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import * as fs from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const BUDGET = 1800; // ms for DNS, connect, TLS, headers and body together, with a margin to 2 s
const BACKGROUND_BUDGET = 10_000;
const WEEK = 7 * 24 * 3600_000;
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
   * Name the event as in its receipt, or by event_id. `error` fills error_code and error_message.
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
      const isTest = /^(evt_0+|[0-]{36})$/.test(body.provider_event_id);
      const key = idempotencyKey(path, body) + (isTest ? `-${randomBytes(4).toString("hex")}` : "");
      const call = { path, key, body: JSON.stringify(body, wellFormed) };
      const spoolFailed = (error) => this.#say(`spool: ${error.message}`);
      const file = await this.#write(call).catch(spoolFailed); // sent all the same
      const outcome = await this.#attempt(call, end - Date.now());
      await this.#settle(key, file, outcome).catch(spoolFailed);
      return outcome.answer ?? null;
    } catch (error) {
      return this.#say(`${path} not sent: ${error?.message}`);
    }
  }

  #clean({ payload, ...fields }) {
    const limits = { error_code: 200, error_message: 2000 };
    const body = { ...("error" in fields && describe(fields.error)), ...fields, error: undefined };
    for (const [name, value] of Object.entries(body)) {
      if (typeof value === "bigint") body[name] = String(value);
      if (typeof value === "string") body[name] = cleanText(value, limits[name]);
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
      let text = "";
      for await (const part of response.setEncoding("utf8")) text += part;
      const answer = parse(text);
      const status = response.statusCode;
      if (status >= 200 && status < 300 && answer) return { answer };
      const { code, message, fields } = answer?.error ?? {};
      const isLater = [408, 425, 429].includes(status) || code === "idempotency_in_progress";
      return {
        why: [status, code, message, JSON.stringify(fields)].filter(Boolean).join(" "),
        isFinal: status >= 400 && status < 500 && !isLater,
        wait: Math.min(60, parseInt(response.headers["retry-after"], 10) || 0) * 1000,
      };
    } catch (error) {
      return { why: signal.aborted ? "no response in time" : error.code || error.message, wait: 0 };
    }
  }

  async #settle(key, file, { answer, why, isFinal, wait }) {
    if (answer) this.#delay = 1000;
    else this.#say(`${key} ${isFinal ? "was rejected" : file ? "is sent again later" : "is lost"}: ${why}`);
    if (!file) return;
    if (answer) return fs.unlink(file);
    if (isFinal) return this.#reject(file);
    await fs.rename(file, unclaimed(file));
    this.#quietUntil = Math.max(this.#quietUntil, Date.now() + wait);
    this.#resendIn(this.#delay);
  }

  // In the spool `<time>-<random>.json` waits; with `.<process id>` behind it, a process is sending it.

  async #folder(inside = "") {
    await fs.mkdir(join(this.spool, inside), { recursive: true, mode: 0o700 });
    const { uid } = await fs.lstat(this.spool);
    const isOurs = uid === (process.getuid?.() ?? uid);
    // Anyone can make a folder of this name in the system's temporary one.
    if (this.#isTemporary && !isOurs) throw new Error(`${this.spool} is another user's`);
    return join(this.spool, inside);
  }

  async #write(call) {
    const folder = await this.#folder();
    if ((await fs.readdir(folder)).length > 10_000) throw new Error(`10000 files wait in ${folder}`);
    this.#latest = Math.max(Date.now(), this.#latest + 1); // so that names sort within a millisecond too
    const name = join(folder, `${this.#latest}-${randomBytes(6).toString("hex")}`);
    try {
      const handle = await fs.open(`${name}.tmp`, "wx", 0o600);
      await handle.writeFile(JSON.stringify(call)).then(() => handle.sync()).finally(() => handle.close());
      await fs.rename(`${name}.tmp`, claimed(`${name}.json`));
    } finally {
      await fs.rm(`${name}.tmp`, { force: true });
    }
    return claimed(`${name}.json`);
  }

  /** What is not sent yet, oldest first: a result does not overtake its receipt. */
  async #waiting() {
    const names = await fs.readdir(await this.#folder());
    return names.filter((name) => /^\d+-\w+\.json/.test(name)).sort();
  }

  async #claim(name) {
    const file = join(this.spool, name);
    const isClaimed = file !== unclaimed(file);
    // An attempt takes seconds: who claimed the file over a minute ago has died.
    if (isClaimed && Date.now() - (await fs.stat(file)).mtimeMs < 60_000) return null;
    await fs.utimes(file, new Date(), new Date());
    await fs.rename(file, claimed(file));
    return claimed(file);
  }

  /** Goes through the spool once. Gives how many calls are left. */
  async #resend(end) {
    const inBackground = end === Infinity;
    let failures = 0;
    for (const name of await this.#waiting()) {
      await pause(0, null, { ref: !inBackground }); // a process may end here
      if (Date.now() >= end || Date.now() < this.#quietUntil) break;
      const file = await this.#claim(name).catch(() => null); // another process was faster
      if (!file) continue;
      const call = parse(await fs.readFile(file, "utf8"));
      // The server forgets keys after 7 days.
      if (!call || Date.now() - parseInt(name, 10) > WEEK) {
        this.#say(`${call?.key ?? name} is dropped: ${call ? "older than 7 days" : "the file is damaged"}`);
        await fs.unlink(file);
        continue;
      }
      const outcome = await this.#attempt(call, Math.min(BACKGROUND_BUDGET, end - Date.now()), inBackground);
      await this.#settle(call.key, file, outcome);
      // One call that never gets through must not hold up the others.
      if (!outcome.answer && !outcome.isFinal) failures += 1;
      if (failures === 3) break;
    }
    return (await this.#waiting()).length;
  }

  #resendIn(milliseconds) {
    const wait = Math.max(milliseconds * (1 + Math.random() / 4), this.#quietUntil - Date.now());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#delay = Math.min(60_000, this.#delay * 2);
      this.#resend(Infinity).then(
        (left) => left > 0 && this.#resendIn(this.#delay),
        (error) => this.#say(`spool: ${error.message}`),
      );
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

  async #reject(file) {
    const folder = await this.#folder("rejected");
    await fs.rename(file, join(folder, basename(unclaimed(file))));
    const old = (await fs.readdir(folder)).sort().slice(0, -100);
    for (const name of old) await fs.rm(join(folder, name), { force: true });
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
      if (!(await this.claim(name, 600))) return { status: 202, body: "taken before" };
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

/** Equal for equal calls in all of the sendpromptly clients. */
export function idempotencyKey(call, fields) {
  const { event_id, provider_event_id, event_type, effect_type, status, replay_id } = fields;
  const whose = [fields.internal_reference, fields.effect_key, fields.shopify_shop_domain];
  const parts = (
    call === "receipt"
      ? [provider_event_id, event_type, effect_type, ...whose]
      : [event_id || provider_event_id, effect_type, status, replay_id, ...whose, event_type]
  ).filter((part) => part != null && part !== "");
  const key = [call, ...parts].join("-");
  if (/^[!-~]{1,200}$/.test(key)) return key;
  return `${call}-${sha256(parts.map((part) => `${Buffer.byteLength(String(part))}:${part}`).join(""))}`;
}

/** error_code is the error's own code, such as P2002, or else its class. */
function describe(error) {
  try {
    const { code, name, message, cause, constructor } = Object(error);
    const className = name && name !== "Error" ? name : constructor.name;
    const text = message ? String(message) : String(error);
    return {
      error_code: typeof code === "string" && code ? code : className,
      error_message: cause?.message ? `${text}: ${cause.message}` : text, // "fetch failed: ..."
    };
  } catch {
    return { error_code: "Error" }; // anything can be thrown, also what has no text
  }
}

function cleanText(text, limit) {
  const clean = wellFormed("", text).replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, "");
  return limit ? [...clean.slice(0, 2 * limit)].slice(0, limit).join("") : clean;
}

/** For JSON.stringify: half a surrogate pair is no text. */
function wellFormed(_, value) {
  return typeof value === "string" ? value.replace(/[\ud800-\udfff]/gu, "\ufffd") : value;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const unclaimed = (file) => file.replace(/\.json\..+$/, ".json");
const claimed = (file) => `${unclaimed(file)}.${process.pid}`;
