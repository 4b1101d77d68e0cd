#!/usr/bin/env bash
# @shopify/shopify-api 13.1.0 (npm), Node 20.
#
# webhooks.validate() gives back another topic than the header says: ORDERS_PAID for orders/paid, the
# spelling of the GraphQL enum. An app that passes the library's topic on and one that passes the header on
# name the same delivery in two ways. And it calls a delivery invalid ("missing_headers") whose HMAC is
# right, where X-Shopify-Webhook-Id or X-Shopify-API-Version was dropped on the way (a queue, a proxy with a
# list of headers); X-Shopify-Event-Id may be absent.
#
# Seen:
#   header orders/paid, topic ORDERS_PAID, eventId e-1, webhookId w-1
#   without X-Shopify-Event-Id: valid true, eventId undefined
#   without X-Shopify-Webhook-Id: valid false, missing_headers
#   without X-Shopify-API-Version: valid false, missing_headers
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @shopify/shopify-api@13.1.0 >/dev/null
cat >run.cjs <<'NODE'
require("@shopify/shopify-api/adapters/node");
const { shopifyApi, ApiVersion, LogSeverity } = require("@shopify/shopify-api");
const { createHmac } = require("crypto");
const api = shopifyApi({
  apiKey: "k", apiSecretKey: "s", hostName: "app.example.com", apiVersion: ApiVersion.July26,
  isEmbeddedApp: false, scopes: [], logger: { level: LogSeverity.Error, log: () => {} },
});
const rawBody = JSON.stringify({ id: 1 });
const all = {
  "x-shopify-hmac-sha256": createHmac("sha256", "s").update(rawBody).digest("base64"),
  "x-shopify-topic": "orders/paid", "x-shopify-shop-domain": "a.myshopify.com",
  "x-shopify-api-version": "2026-07", "x-shopify-webhook-id": "w-1", "x-shopify-event-id": "e-1",
};
const validate = (without) => {
  const headers = { ...all };
  delete headers[without];
  return api.webhooks.validate({ rawBody, rawRequest: { method: "POST", url: "/", headers } });
};
(async () => {
  const whole = await validate();
  console.log(`header orders/paid, topic ${whole.topic}, eventId ${whole.eventId}, webhookId ${whole.webhookId}`);
  const eventless = await validate("x-shopify-event-id");
  console.log(`without X-Shopify-Event-Id: valid ${eventless.valid}, eventId ${eventless.eventId}`);
  for (const [name, header] of [["Webhook-Id", "webhook-id"], ["API-Version", "api-version"]]) {
    const found = await validate(`x-shopify-${header}`);
    console.log(`without X-Shopify-${name}: valid ${found.valid}, ${found.reason}`);
  }
})();
NODE
node run.cjs >seen
sed -n 's/^#   //p' "$here/$(basename "$0")" | diff - seen && echo "as described"
