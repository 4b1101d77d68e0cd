#!/usr/bin/env bash
# svix 2.9.1 and standardwebhooks 1.1.0 (PyPI); both implement Standard Webhooks 1.0.
#
# Webhook.verify of the reference library returns the parsed payload; that of svix 2 returns None. A receiver
# that works with what verify returns gets nothing to work with after the change of one library for the
# other, and, where it answers 2xx whatever it found, does nothing without an error. Parse the body after
# the verification.
#
# Seen:
#   svix.webhooks: None
#   standardwebhooks.webhooks: {'type': 'reprocess'}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" svix==2.9.1 standardwebhooks==1.1.0
PYTHONPATH="$folder/lib" python3 - >"$folder/seen" <<'PYTHON'
import base64
import datetime
import importlib

body, now = '{"type":"reprocess"}', datetime.datetime.now(datetime.timezone.utc)
for name in ("svix.webhooks", "standardwebhooks.webhooks"):
    webhook = importlib.import_module(name).Webhook("whsec_" + base64.b64encode(b"x" * 32).decode())
    headers = {
        "webhook-id": "rpl_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook.sign("rpl_1", now, body),
    }
    print(f"{name}: {webhook.verify(body, headers)!r}")
PYTHON
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
