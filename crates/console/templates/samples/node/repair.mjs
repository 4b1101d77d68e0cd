// The repair endpoint, POST /repair. No packages, and sendpromptly.mjs beside this file. Environment:
//   SENDPROMPTLY_URL, SENDPROMPTLY_KEY, SENDPROMPTLY_SECRET=whsec_... and PORT
// The signature is over the raw body, so in Express this goes above app.use(express.json()):
//   app.post("/repair", express.raw({ type: "application/json" }), async (req, res) => {
//     const { status, body } = await client.repair(req.headers, req.body, work);
//     res.status(status).type("text").send(body);
//   });
import { createServer } from "node:http";
import { Client } from "./sendpromptly.mjs";

const client = new Client();

// Your work; the client reports its result. Look first whether it is done: doing it twice must do no
// harm. Return "superseded" if a newer event made it void, and throw if it fails.
async function work(order) {
  console.log("granting", order.effect_type, "to", order.internal_reference);
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > 131_072) throw new Error("too large for a repair"); // with a snapshot it has some 70 KiB
    parts.push(part);
  }
  return Buffer.concat(parts);
}

createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/repair") return response.writeHead(404).end();
  try {
    const { status, body } = await client.repair(request.headers, await read(request), work);
    response.writeHead(status, { "Content-Type": "text/plain" }).end(body);
  } catch (error) {
    response.writeHead(400, { "Content-Type": "text/plain" }).end(error.message);
  }
}).listen(Number(process.env.PORT ?? 9000), "127.0.0.1");
