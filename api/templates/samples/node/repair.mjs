// The repair endpoint. Node 18 or newer, no packages. In Express, take the body with
// express.raw({ type: "application/json" }): the signature is over the bytes as they came.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { result } from "./calls.mjs";

const secret = Buffer.from(process.env.SENDPROMPTLY_SECRET.replace(/^whsec_/, ""), "base64");

// For one process. With more of them, use tables with a unique key.
const nonces = new Map(); // nonce: when it was seen
const done = new Set(); // replay ids

// Your work. Look first whether the effect is there: doing it twice must do no harm.
async function repair(order) {
  console.log("granting", order.effect_type, "to", order.internal_reference);
}

function answer(headers, body) {
  const [timestamp, nonce, signatures] = ["timestamp", "nonce", "signature"].map(
    (name) => headers[`x-sp-${name}`] ?? "",
  );
  if (!isGenuine(timestamp, nonce, signatures, body)) return 401;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300 || !isNew(nonce)) return 401;
  const order = JSON.parse(body);
  // A repeated attempt is answered the same, and nothing is done twice.
  if (order.type === "reprocess" && !done.has(order.replay_id)) {
    done.add(order.replay_id);
    work(order).catch(console.error);
  }
  return 202;
}

function isGenuine(timestamp, nonce, signatures, body) {
  if (!/^[0-9]+$/.test(timestamp) || nonce === "" || nonce.includes(".")) return false;
  const mac = createHmac("sha256", secret).update(`${timestamp}.${nonce}.`).update(body);
  const wanted = Buffer.from(`v1=${mac.digest("hex")}`);
  // While a secret is being rotated there are several signatures; one of them fits.
  return signatures.split(",").some((one) => {
    const given = Buffer.from(one.trim());
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

// Nonces older than 10 minutes can be forgotten: their timestamps are refused by then.
function isNew(nonce) {
  const now = Date.now();
  for (const [old, at] of nonces) if (at < now - 600_000) nonces.delete(old);
  if (nonces.has(nonce)) return false;
  nonces.set(nonce, now);
  return true;
}

async function work(order) {
  const which = { event_id: order.event_id, replay_id: order.replay_id };
  try {
    await repair(order);
  } catch (error) {
    const error_message = String(error).slice(0, 2000);
    return result("failed", { ...which, error_code: "repair_failed", error_message });
  }
  return result("success", which);
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

createServer(async (request, response) => {
  const body = await read(request).catch(() => null);
  response.writeHead(body ? answer(request.headers, body) : 400).end();
}).listen(Number(process.env.PORT ?? 9000), "127.0.0.1");
