#!/usr/bin/env bash
# standardwebhooks 1.1.0 and svix 2.9.1 (PyPI), Python 3.11; standardwebhooks 1.1.0 (npm), Node 20.
#
# Webhook.sign(id, timestamp, body) of the Python libraries takes a datetime and signs its second of the epoch. It sets the zone to UTC
# instead of converting to it: of a datetime that knows its zone, what the clock on the wall shows is signed. 14:00 in Berlin is signed
# as 14:00 UTC, and the header, written with int(timestamp.timestamp()), says 13:00, so that every receiver rejects the
# signature, the library's own verify() too. In London the same code is right from October to March and rejected from the
# last Sunday of March on; a machine in UTC, as CI's is, sees nothing, nor do dates in UTC. JavaScript's Date is a moment and has no such hour.
# A datetime is turned into UTC first: timestamp.astimezone(timezone.utc).
#
# Seen (the second that was signed, less the one that was meant, in minutes):
#   UTC: standardwebhooks 0, svix 0
#   Europe/Berlin, winter: standardwebhooks 60, svix 60
#   Europe/London, winter: standardwebhooks 0, svix 0
#   Europe/London, summer: standardwebhooks 60, svix 60
#   Asia/Kolkata, winter: standardwebhooks 330, svix 330
#   node, whatever TZ is: 0, 0
#   sent from Berlin now: python says No matching signature found, node says No matching signature found
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" standardwebhooks@1.1.0 >/dev/null
python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" standardwebhooks==1.1.0 svix==2.9.1 tzdata==2026.3
cat >node.cjs <<'NODE'
const { Webhook } = require("standardwebhooks");
const hook = new Webhook("whsec_" + "a".repeat(32));
if (process.argv[2] === "sign") {
  console.log(hook.sign("msg_1", new Date("2026-01-15T13:00:00Z"), "{}"));
} else {
  try {
    hook.verify("{}", JSON.parse(process.argv[3]));
    console.log("yes");
  } catch (error) {
    console.log(error.message);
  }
}
NODE
PYTHONPATH="$folder/lib" python3 - >seen <<'PYTHON'
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import standardwebhooks.webhooks
import svix.webhooks

SECRET = "whsec_" + "a" * 32
LIBRARIES = {"standardwebhooks": standardwebhooks.webhooks.Webhook(SECRET), "svix": svix.webhooks.Webhook(SECRET)}
WINTER = datetime(2026, 1, 15, 13, tzinfo=timezone.utc)
SUMMER = datetime(2026, 7, 15, 13, tzinfo=timezone.utc)


def minutes(signature, moment):
    """Which moment in UTC has that signature, counted from the one that was meant."""
    for n in range(-720, 841, 30):
        if LIBRARIES["standardwebhooks"].sign("msg_1", moment + timedelta(minutes=n), "{}") == signature:
            return n


def node(*arguments, zone="UTC"):
    return subprocess.check_output(["node", "node.cjs", *arguments], text=True, env={**os.environ, "TZ": zone}).strip()


for name, moment in (
    ("UTC", WINTER),
    ("Europe/Berlin", WINTER),
    ("Europe/London", WINTER),
    ("Europe/London", SUMMER),
    ("Asia/Kolkata", WINTER),
):
    local = moment.astimezone(ZoneInfo(name))
    found = ", ".join(f"{library} {minutes(hook.sign('msg_1', local, '{}'), moment)}" for library, hook in LIBRARIES.items())
    season = "" if name == "UTC" else ", winter" if moment == WINTER else ", summer"
    print(f"{name}{season}: {found}")
signed = [minutes(node("sign", zone=zone), WINTER) for zone in ("UTC", "Asia/Kolkata")]
print(f"node, whatever TZ is: {signed[0]}, {signed[1]}")

now = datetime.now(ZoneInfo("Europe/Berlin"))
hook = LIBRARIES["standardwebhooks"]
headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": hook.sign("msg_1", now, "{}")}
try:
    hook.verify("{}", headers)
    python = "yes"
except standardwebhooks.webhooks.WebhookVerificationError as error:
    python = str(error)
print(f"sent from Berlin now: python says {python}, node says {node('verify', json.dumps(headers))}")
PYTHON
cat seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
