#!/usr/bin/env bash
# adaptivecards 3.0.6 (npm), Node 20.
#
# A card for Teams mentions whoever is on call: <at>…</at> in a text, and in msteams.entities whom that means. Microsoft's own library
# reads the card, validateProperties() objects to nothing, and toJSON() writes it without msteams: the name stands there as text, no one is
# notified, and the card is narrow again. The same goes for what the library does not know, such as a CodeBlock of Teams with
# the error in it: the block is gone, the container around it stays. So a service that parses cards to check or to complete them, and sends
# what toJSON() gives, loses the one part that has to reach somebody. To check a card, parse it and send what was parsed.
# What is unknown is named in the SerializationContext alone, and msteams is not even there. fallbackText, refresh and speak are kept.
#
# Seen:
#   msteams before: width, entities
#   msteams after: nothing
#   the text after: <at>Bob</at> is on call
#   elements before: TextBlock Container; in the container: TextBlock CodeBlock
#   elements after: TextBlock Container; in the container: TextBlock
#   kept: fallbackText refresh speak
#   validateProperties: 0 objections
#   context: Unknown element type "CodeBlock". Fallback will be used if present.
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" adaptivecards@3.0.6 >/dev/null
cat >card.cjs <<'NODE'
const { AdaptiveCard, SerializationContext } = require("adaptivecards/dist/adaptivecards.js");

const before = {
  type: "AdaptiveCard",
  version: "1.5",
  fallbackText: "Payments wait",
  speak: "Payments wait",
  refresh: { action: { type: "Action.Execute", verb: "refresh" } },
  body: [
    { type: "TextBlock", text: "<at>Bob</at> is on call" },
    { type: "Container", items: [{ type: "TextBlock", text: "The answer:" }, { type: "CodeBlock", codeSnippet: "HTTP 500" }] },
  ],
  msteams: {
    width: "Full",
    entities: [{ type: "mention", text: "<at>Bob</at>", mentioned: { id: "bob@example.com", name: "Bob" } }],
  },
};
const types = (items) => items.map((item) => item.type).join(" ");
const elements = (card) => `${types(card.body)}; in the container: ${types(card.body[1].items ?? [])}`;

const card = new AdaptiveCard();
const context = new SerializationContext();
card.parse(before, context);
const after = card.toJSON();
console.log("msteams before:", Object.keys(before.msteams).join(", "));
console.log("msteams after:", after.msteams ? Object.keys(after.msteams).join(", ") : "nothing");
console.log("the text after:", after.body[0].text);
console.log("elements before:", elements(before));
console.log("elements after:", elements(after));
console.log("kept:", ["fallbackText", "refresh", "speak"].filter((name) => name in after).join(" "));
console.log("validateProperties:", card.validateProperties().validationEvents.length, "objections");
const events = Array.from({ length: context.eventCount }, (_, n) => context.getEventAt(n).message);
console.log("context:", events.join("; ") || "nothing");
NODE
node card.cjs >seen
cat seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
