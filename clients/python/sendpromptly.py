"""The sendpromptly client, one file to copy into your app. Python 3.9 or newer, standard library only.

receipt() and result() never raise and end within 2 seconds, so that your webhook handler goes on.
Each call is written to a folder, the spool, before it is sent. What does not get through stays there
and is sent again in the background, by this process or the next.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import secrets
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse

BUDGET = 1.8  # seconds for DNS, connect, TLS, headers and body together, with a margin to 2 s
BACKGROUND_BUDGET = 10
DAY = 24 * 3600
LIMITS = {"error_code": 200, "error_message": 2000}  # characters
RAW_BODY = (
    "the raw body is needed, before any parser: request.get_data() in Flask, request.body in Django, "
    "await request.body() in FastAPI"
)


class Client:
    """Where several machines answer repairs, they need these three over a table that they share:
    claim(name, seconds) takes a name for so long and tells whether it was free, extend(name, seconds)
    keeps it for so long from now, release(name) frees it."""

    def __init__(
        self, url=None, key=None, secret=None, spool=None, log=None, claim=None, extend=None, release=None
    ):
        env = os.environ.get
        self.url = (url or env("SENDPROMPTLY_URL") or "https://sendpromptly.example.com").rstrip("/")
        self._key = (key or env("SENDPROMPTLY_KEY") or "").strip()  # sk_test_... or sk_live_...
        self._secret = (secret or env("SENDPROMPTLY_SECRET") or "").strip()  # whsec_..., for repairs
        self.spool = spool or env("SENDPROMPTLY_SPOOL")
        self._is_temporary = not self.spool
        if self._is_temporary:
            self.spool = os.path.join(tempfile.gettempdir(), f"sendpromptly-spool-{sha256(self._key)[:8]}")
        self.log = log or (lambda line: sys.stderr.write(f"{line}\n"))
        self.claim = claim or self._claim_file
        self.extend = extend or self._extend_file
        self.release = release or self._release_file
        self._tls = None
        self._thread = None
        self._delay = 1
        self._latest = 0
        self._quiet_until = 0  # as the server's Retry-After asks
        with self._telling("spool"):
            if self._key and self._waiting():  # what an earlier process left
                self._resend_later()

    def receipt(self, **fields):
        """You took a payment event, and an effect is due. Gives the response, or None without one."""
        return self._call("receipt", fields)

    def result(self, status, **fields):
        """The effect is applied ("success"), is not ("failed"), or a newer event made it void
        ("superseded"). Name the event as in its receipt, or by event_id. An exception as `error` fills
        error_code and error_message."""
        return self._call("result", {**fields, "status": status})

    def _call(self, path, fields):
        end = time.monotonic() + BUDGET
        with self._telling(f"{path} not sent"):
            if not self._key:
                raise ValueError("SENDPROMPTLY_KEY is not set")
            body = self._clean(fields)
            key = idempotency_key(path, body)
            # The providers' test events share one id: each is given a key, and so an event, of its own.
            if re.fullmatch(r"evt_0+|[0-]{36}", str(body.get("provider_event_id"))):
                key += f"-{secrets.token_hex(4)}"
            call = {"path": path, "key": key, "body": encode(body)}
            file = None
            with self._telling("spool"):  # without it the call is sent all the same
                file = self._write(call)
            outcome = self._attempt(call, end - time.monotonic())
            with self._telling("spool"):
                self._settle(key, file, outcome)
            return outcome.get("answer")

    def _clean(self, fields):
        fields = dict(fields)
        payload = fields.pop("payload", None)
        if "error" in fields:
            fields = {**describe(fields.pop("error")), **fields}
        body = {name: clean(value, LIMITS.get(name)) for name, value in fields.items()}
        with self._telling("payload left out"):
            if payload is not None:
                text = encode(payload)
                if len(text.encode()) > 65_536:
                    raise ValueError("its JSON has more than 65536 bytes")
                body["payload"] = json.loads(text)
        return body

    def _attempt(self, call, seconds):
        """Sends a call once. Gives {"answer"}, or {"why", "final", "wait"}.

        In a thread of its own: nothing else ends a slow DNS lookup or a dripping answer in time."""
        outcomes, connections, seconds = [], [], max(0.001, seconds)

        def run():
            try:
                outcomes.append(self._exchange(call, seconds, connections))
            except Exception as error:
                outcomes.append({"why": f"{type(error).__name__}: {error}"})

        thread = threading.Thread(target=run, name="sendpromptly", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # there are too many
            return {"why": str(error)}
        thread.join(seconds)
        if outcomes:
            return outcomes[0]
        for connection in connections:
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # ends the thread
        return {"why": "no response in time"}

    def _exchange(self, call, seconds, connections):
        url = urllib.parse.urlsplit(f"{self.url}/api/v1/{call['path']}")
        if url.scheme == "https":
            self._tls = self._tls or ssl.create_default_context()
            connection = http.client.HTTPSConnection(url.netloc, timeout=seconds, context=self._tls)
        elif url.scheme == "http":
            connection = http.client.HTTPConnection(url.netloc, timeout=seconds)
        else:
            raise ValueError(f"{self.url} is no http or https address")
        connections.append(connection)
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": call["key"],
            "Content-Type": "application/json",
        }
        with contextlib.closing(connection):
            connection.request("POST", url.path, call["body"].encode(), headers)
            response = connection.getresponse()
            answer = parse(response.read())
        status = response.status
        if 200 <= status < 300 and answer:
            return {"answer": answer}
        error = answer.get("error") if isinstance(answer, dict) else None
        error = error if isinstance(error, dict) else {}
        wait = response.headers.get("Retry-After", "")
        later = status in (408, 425, 429) or error.get("code") == "idempotency_in_progress"
        why = [status, error.get("code"), error.get("message"), error.get("fields")]
        return {
            "why": " ".join(str(one) for one in why if one),
            "final": 400 <= status < 500 and not later,
            "wait": min(60, int(wait)) if wait.isdecimal() else 0,
        }

    def _settle(self, key, file, outcome):
        if "answer" in outcome:
            self._delay = 1
        else:
            fate = "was rejected" if outcome.get("final") else "is sent again later" if file else "is lost"
            self._say(f"{key} {fate}: {outcome['why']}")
        if not file:
            return
        if "answer" in outcome:
            os.remove(file)
        elif outcome.get("final"):
            self._reject(file)
        else:
            os.rename(file, unclaimed(file))
            self._quiet_until = max(self._quiet_until, time.monotonic() + outcome.get("wait", 0))
            self._resend_later()

    # In the spool `<time>-<random>.json` waits; with `.<process id>` behind it, a process is sending it.

    def _folder(self, inside=""):
        os.makedirs(self.spool, mode=0o700, exist_ok=True)
        os.makedirs(os.path.join(self.spool, inside), mode=0o700, exist_ok=True)
        # Anyone can make a folder of this name in the system's temporary one.
        if self._is_temporary and hasattr(os, "getuid") and os.lstat(self.spool).st_uid != os.getuid():
            raise PermissionError(f"{self.spool} is another user's")
        return os.path.join(self.spool, inside)

    def _write(self, call):
        folder = self._folder()
        if len(os.listdir(folder)) > 10_000:
            raise OSError(f"10000 files wait in {folder}")
        # Names sort within a millisecond too.
        self._latest = max(time.time_ns() // 1_000_000, self._latest + 1)
        name = os.path.join(folder, f"{self._latest}-{secrets.token_hex(6)}")
        try:
            with open(f"{name}.tmp", "x", opener=private) as file:
                json.dump(call, file)
                file.flush()
                os.fsync(file.fileno())
            os.rename(f"{name}.tmp", claimed(f"{name}.json"))
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(f"{name}.tmp")
        return claimed(f"{name}.json")

    def _waiting(self):
        """What is not sent yet, oldest first: a result does not overtake its receipt."""
        return sorted(name for name in os.listdir(self._folder()) if re.match(r"\d+-\w+\.json", name))

    def _claim(self, name):
        file = os.path.join(self.spool, name)
        is_claimed = file != unclaimed(file)
        # An attempt takes seconds: who claimed the file over a minute ago has died.
        if is_claimed and time.time() - os.stat(file).st_mtime < 60:
            return None
        os.utime(file)
        os.rename(file, claimed(file))
        return claimed(file)

    def _resend(self, end=float("inf")):
        """Goes through the spool once. Gives how many calls are left."""
        failures = 0
        for name in self._waiting():
            if not self._quiet_until <= time.monotonic() < end:
                break
            file = None
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                file = self._claim(name)
            if not file:
                continue
            with open(file, encoding="utf-8") as opened:
                call = parse(opened.read())
            # The server forgets keys after 7 days.
            if not call or time.time() - int(name.split("-")[0]) / 1000 > 7 * DAY:
                why = "older than 7 days" if call else "the file is damaged"
                self._say(f"{call['key'] if call else name} is dropped: {why}")
                os.remove(file)
                continue
            outcome = self._attempt(call, min(BACKGROUND_BUDGET, end - time.monotonic()))
            self._settle(call["key"], file, outcome)
            # One call that never gets through must not hold up the others.
            failures += "answer" not in outcome and not outcome.get("final")
            if failures == 3:
                break
        return len(self._waiting())

    def _resend_later(self):
        if not (self._thread and self._thread.is_alive()):  # in a forked process it is not
            self._thread = threading.Thread(target=self._resend_in_background, daemon=True)
            self._thread.start()

    def _resend_in_background(self):
        with self._telling("spool"):
            while True:
                quiet = self._quiet_until - time.monotonic()
                time.sleep(max(self._delay * random.uniform(1, 1.25), quiet))
                self._delay = min(60, self._delay * 2)
                if self._resend() == 0:
                    self._thread = None  # whoever adds a file from now on starts another thread
                    if not self._waiting():
                        break

    def flush(self, seconds=10):
        """Sends what waits, for at most so long. Gives how many calls are left."""
        end = time.monotonic() + seconds
        left = 0
        with self._telling("spool"):
            left = self._resend(end)
            while left and time.monotonic() + 1 < end:
                time.sleep(1)
                left = self._resend(end)
        return left

    def _reject(self, file):
        folder = self._folder("rejected")
        os.rename(file, os.path.join(folder, os.path.basename(unclaimed(file))))
        for name in sorted(os.listdir(folder))[:-100]:
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(folder, name))

    def verify(self, headers, raw_body):
        """The order that a repair callback brings, or None if the callback is not genuine."""
        return self._check(headers, raw_body)[0]

    def _check(self, headers, raw_body):
        """Gives the order, the nonce, and where there are none the reason."""
        if not isinstance(raw_body, (bytes, bytearray, memoryview, str)):
            raise TypeError(RAW_BODY)
        body = raw_body.encode() if isinstance(raw_body, str) else bytes(raw_body)
        secret = base64.b64decode(self._secret.replace("whsec_", "", 1))
        if not secret:  # anyone can sign with an empty one
            raise ValueError("SENDPROMPTLY_SECRET is not set")
        # Any case, and a WSGI environ too.
        plain = {str(name).lower().replace("_", "-"): value for name, value in headers.items()}
        timestamp, nonce, signatures = (
            str(plain.get(f"x-sp-{name}") or plain.get(f"http-x-sp-{name}") or "")
            for name in ("timestamp", "nonce", "signature")
        )
        if not re.fullmatch("[0-9]{1,12}", timestamp):
            return None, None, "no timestamp"
        if abs(time.time() - int(timestamp)) > 300:
            return None, None, "stale timestamp"
        if not nonce or "." in nonce:
            return None, None, "bad nonce"
        signed = f"{timestamp}.{nonce}.".encode("utf-8", "replace") + body
        wanted = b"v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest().encode()
        # While a secret is being rotated there are several signatures; one of them fits.
        given = [one.strip().encode("utf-8", "replace") for one in signatures.split(",")]
        if not any(hmac.compare_digest(wanted, one) for one in given):
            return None, None, "bad signature"
        return parse(body), nonce, None

    def repair(self, headers, raw_body, work):
        """Answers a repair callback with a status and a text; then works, in a thread, once per
        replay_id, and reports the result. `work(order)` may return "superseded". A process can die in
        the middle of it and work again, which must do no harm."""
        try:
            if not self._key:
                raise ValueError("SENDPROMPTLY_KEY is not set")
            order, nonce, reason = self._check(headers, raw_body)
            if not order:
                return 401, reason or "no order"
            if not self.claim(f"nonce-{sha256(nonce)}", 600):
                return 409, "nonce seen before"
            if order.get("type") == "probe":
                return 200, "probe"
            if order.get("type") != "reprocess":
                return 422, "unknown type"
            name = f"replay-{sha256(order['replay_id'])}"
            if not self.claim(name, 600):
                return 202, "taken before"
            threading.Thread(target=self._work, args=(order, work, name)).start()
            return 202, "accepted"
        except Exception as error:
            self._say(f"repair: {error}")
            return 500, str(error)

    def _work(self, order, work, name):
        outcome = {"status": "success", "event_id": order["event_id"], "replay_id": order["replay_id"]}
        try:
            if work(order) == "superseded":
                outcome["status"] = "superseded"
        except BaseException as error:  # sys.exit() too: this thread has no one else to tell
            outcome.update(status="failed", error=error)
        self._call("result", outcome)
        with self._telling("repair"):
            # What failed may be asked for again under the same replay_id.
            if outcome["status"] == "failed":
                self.release(name)
            else:
                self.extend(name, 30 * DAY)

    def _claim_file(self, name, seconds):
        """Makes a file that only one process can make. It may be forgotten a minute after its time."""
        folder = self._folder("seen")
        for old in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                if os.stat(os.path.join(folder, old)).st_mtime < time.time() - 60:
                    os.remove(os.path.join(folder, old))
        try:
            open(os.path.join(folder, name), "x", opener=private).close()
        except FileExistsError:
            return False
        self._extend_file(name, seconds)
        return True

    def _extend_file(self, name, seconds):
        until = time.time() + seconds
        os.utime(os.path.join(self.spool, "seen", name), (until, until))

    def _release_file(self, name):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.spool, "seen", name))

    @contextlib.contextmanager
    def _telling(self, what):
        """Logs what fails inside, and goes on."""
        try:
            yield
        except Exception as error:
            self._say(f"{what}: {error}")

    def _say(self, text):
        with contextlib.suppress(Exception):  # a log that fails must not fail the webhook handler
            self.log(f"sendpromptly: {' '.join(text.split())}")


def idempotency_key(call, fields):
    """Equal for equal calls in all of the sendpromptly clients."""
    whose = ["internal_reference", "effect_key", "shopify_shop_domain"]
    if call == "receipt":
        names = ["provider_event_id", "event_type", "effect_type", *whose]
    else:
        event = "event_id" if fields.get("event_id") else "provider_event_id"
        names = [event, "effect_type", "status", "replay_id", *whose, "event_type"]
    parts = [str(fields[name]) for name in names if fields.get(name) not in (None, "")]
    key = "-".join([call, *parts])
    if re.fullmatch("[!-~]{1,200}", key):
        return key
    return f"{call}-{sha256(''.join(f'{len(part.encode())}:{part}' for part in parts))}"


def describe(error):
    kind = type(error)
    code = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        return {"error_code": code, "error_message": str(error) or repr(error)}
    except Exception:
        return {"error_code": code}  # an exception whose text fails too


def clean(value, limit=None):
    if value is None or isinstance(value, (bool, int, float, dict, list)):
        return value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):  # a datetime
        value = value.isoformat()
    text = well_formed(value if isinstance(value, str) else str(value))
    return re.sub(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", "", text)[:limit]


def encode(value):
    return well_formed(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def well_formed(text):
    """Half a surrogate pair is no text."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def private(path, flags):
    return os.open(path, flags, 0o600)


def sha256(text):
    return hashlib.sha256(str(text).encode("utf-8", "replace")).hexdigest()


def unclaimed(file):
    return re.sub(r"\.json\..+$", ".json", file)


def claimed(file):
    return f"{unclaimed(file)}.{os.getpid()}"
