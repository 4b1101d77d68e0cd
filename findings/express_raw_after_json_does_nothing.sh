#!/usr/bin/env bash
# express 5.3.0 (npm), Node 20.
#
# express.raw() on a route that stands behind app.use(express.json()) is skipped without a word: the body
# was read already, and req.body stays the parsed object, whatever order the route names its parsers in. A
# signature over the raw bytes then fails for a reason that no message names. With another Content-Type
# than the one named, raw() leaves req.body undefined instead of a Buffer.
#
# Seen:
#   raw alone: Buffer
#   raw behind json: Object
#   raw alone, text/plain: undefined
#   no parser: undefined
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" express@5.3.0 >/dev/null
cat >run.cjs <<'NODE'
const express = require("express");
const raw = express.raw({ type: "application/json" });
const kind = (req, res) => res.send(Buffer.isBuffer(req.body) ? "Buffer" : req.body?.constructor.name ?? "undefined");
const ask = (use, type) => new Promise((done) => {
  const app = express();
  use(app);
  const server = app.listen(0, "127.0.0.1", async () => {
    const url = `http://127.0.0.1:${server.address().port}/`;
    const answer = await fetch(url, { method: "POST", headers: { "content-type": type }, body: '{"a":1}' });
    done(await answer.text());
    server.close();
  });
});
(async () => {
  const json = "application/json";
  console.log("raw alone:", await ask((app) => app.post("/", raw, kind), json));
  console.log("raw behind json:", await ask((app) => app.use(express.json()).post("/", raw, kind), json));
  console.log("raw alone, text/plain:", await ask((app) => app.post("/", raw, kind), "text/plain"));
  console.log("no parser:", await ask((app) => app.post("/", kind), json));
})();
NODE
node run.cjs >seen
sed -n 's/^#   //p' "$here/$(basename "$0")" | diff - seen && echo "as described"
