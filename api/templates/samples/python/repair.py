"""The repair endpoint, a WSGI app for any Python server. Standard library only."""
import base64
import hashlib
import hmac
import json
import os
import threading
import time

import calls

SECRET = base64.b64decode(os.environ["SENDPROMPTLY_SECRET"].removeprefix("whsec_"))

# For one process. With more of them, use tables with a unique key.
nonces = {}  # nonce: when it was seen
done = set()  # replay ids
lock = threading.Lock()


def repair(order):
    """Your work. Look first whether the effect is there: doing it twice must do no harm."""
    print("granting", order["effect_type"], "to", order["internal_reference"], flush=True)


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    status = answer(environ, body)
    start_response(status, [("Content-Length", "0")])
    return []


def answer(environ, body):
    timestamp, nonce, signatures = (
        environ.get(f"HTTP_X_SP_{name}", "") for name in ("TIMESTAMP", "NONCE", "SIGNATURE")
    )
    if not is_genuine(timestamp, nonce, signatures, body):
        return "401 Unauthorized"
    if abs(time.time() - int(timestamp)) > 300 or not is_new(nonce):
        return "401 Unauthorized"
    order = json.loads(body)
    with lock:
        first = order["type"] == "reprocess" and order["replay_id"] not in done
        if first:
            done.add(order["replay_id"])
    if first:  # a repeated attempt is answered the same, and nothing is done twice
        threading.Thread(target=work, args=[order]).start()
    return "202 Accepted"


def is_genuine(timestamp, nonce, signatures, body):
    if not (timestamp.isascii() and timestamp.isdigit() and nonce) or "." in nonce:
        return False
    signed = b".".join([timestamp.encode(), nonce.encode(), body])
    wanted = "v1=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    # While a secret is being rotated there are several signatures; one of them fits.
    return any(
        hmac.compare_digest(wanted.encode(), one.strip().encode()) for one in signatures.split(",")
    )


def is_new(nonce):
    """Nonces older than 10 minutes can be forgotten: their timestamps are refused by then."""
    now = time.time()
    with lock:
        for old in [one for one, at in nonces.items() if at < now - 600]:
            del nonces[old]
        new = nonce not in nonces
        nonces[nonce] = now
        return new


def work(order):
    outcome = {"status": "success"}
    try:
        repair(order)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"[:2000]
        outcome = {"status": "failed", "error_code": "repair_failed", "error_message": message}
    calls.result(event_id=order["event_id"], replay_id=order["replay_id"], **outcome)


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    make_server("127.0.0.1", int(os.environ.get("PORT", "9000")), app).serve_forever()
