// Webhook handlers for Stripe and Shopify that report what they received and what came of it.
// npm install stripe @shopify/shopify-api, and sendpromptly.mjs beside this file. Environment:
//   SENDPROMPTLY_URL=https://sendpromptly.example.com and SENDPROMPTLY_KEY=sk_test_...
//   STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, SHOPIFY_API_KEY, SHOPIFY_API_SECRET
// In Express, above app.use(express.json()), since the signatures are over the raw body:
//   const raw = express.raw({ type: "application/json", limit: "2mb" });
//   app.post("/stripe", raw, async (req, res) => res.sendStatus(await stripeWebhook(req, req.body)));
//   app.post("/shopify", raw, async (req, res) => res.sendStatus(await shopifyWebhook(req, req.body)));
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import Stripe from "stripe";
import { Client } from "./sendpromptly.mjs";

const client = new Client();
const stripe = new Stripe(process.env.STRIPE_SECRET_KEY);
const shopify = shopifyApi({
  apiKey: process.env.SHOPIFY_API_KEY,
  apiSecretKey: process.env.SHOPIFY_API_SECRET,
  apiVersion: ApiVersion.July26,
  hostName: "app.example.com",
  isEmbeddedApp: false,
});

// Your work. Look first whether it is done, as providers deliver an event twice now and then. Where a
// newer event made this one void, say the order was refunded in the meantime, return "superseded".
async function grant(reference) {
  console.log("granting what was paid for to", reference);
}

export async function stripeWebhook(request, body) {
  let event;
  try {
    const signature = request.headers["stripe-signature"];
    event = stripe.webhooks.constructEvent(body, signature, process.env.STRIPE_WEBHOOK_SECRET);
  } catch {
    return 400;
  }
  const types = ["checkout.session.completed", "checkout.session.async_payment_succeeded"];
  if (!types.includes(event.type)) return 200;
  const session = event.data.object;
  // A delayed payment method, such as a bank debit: nothing is paid, so nothing is due yet and there
  // is no receipt. checkout.session.async_payment_succeeded follows when the money has come.
  if (session.payment_status === "unpaid") return 200;
  const fields = {
    provider: "stripe",
    provider_event_id: event.id,
    event_type: event.type,
    effect_type: "credit_grant",
    internal_reference: session.client_reference_id,
  };
  return apply(fields, { occurred_at: event.created, payload: event });
}

export async function shopifyWebhook(request, body) {
  const check = await shopify.webhooks.validate({ rawBody: body.toString(), rawRequest: request });
  if (!check.valid) return 401;
  if (request.headers["x-shopify-topic"] !== "orders/paid") return 200;
  const order = JSON.parse(body);
  const fields = {
    provider: "shopify",
    // X-Shopify-Event-Id where it is there, else X-Shopify-Webhook-Id.
    provider_event_id: check.eventId ?? check.webhookId,
    shopify_shop_domain: check.domain,
    event_type: "orders/paid",
    effect_type: "access_unlock",
    // Not order.id: JSON.parse changes the largest ids, 820982911946154508 becomes 820982911946154500.
    // This one is a text, gid://shopify/Order/820982911946154508. A payload would have wrong ids too.
    internal_reference: order.admin_graphql_api_id,
  };
  return apply(fields, { occurred_at: check.triggeredAt ?? order.updated_at });
}

// The same fields in the receipt and the result name the event, also when it is delivered twice.
async function apply(fields, details) {
  await client.receipt({ ...fields, ...details });
  try {
    const outcome = await grant(fields.internal_reference);
    await client.result(outcome === "superseded" ? "superseded" : "success", fields);
    return 200;
  } catch (error) {
    await client.result("failed", { ...fields, error });
    return 500; // the provider delivers it again, which is another chance
  }
}
