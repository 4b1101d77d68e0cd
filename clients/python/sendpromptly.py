"""The sendpromptly client, one file to copy into your app. Python 3.9 or newer, standard library only.

receipt() and result() never raise and end within a second each, whatever network and disk do: your webhook
handler goes on. Each call is written to a folder, the spool, before it is sent. What does not get through
stays there and is sent again in the background, by this process or the next. What the server rejects, and
what is a week old, is moved to rejected/ beside it and logged.
"""
import base64
import concurrent.futures
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import math
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

BUDGET = 0.85  # seconds for disk, DNS, connect, TLS, headers and body: two calls have 2 s, with a margin
DISK_BUDGET = 0.4  # of these, before the call is sent without waiting for the disk
BACKGROUND_BUDGET = 10
WORK = 3600  # seconds after which work that has not ended died with its process
LEASE = 60  # seconds after which whoever was sending a call is gone: an attempt takes seconds
DAY = 24 * 3600
MOST_FILES = 10_000
MOST_ANSWER = 65_536  # bytes
# The server's errors that are about the call itself, so that no later attempt fares better. Whatever else
# comes (a wrong key, a proxy's page, an overload) can be put right, and the call is kept until it is.
FINAL = [
    "validation_error",
    "ambiguous_event",
    "idempotency_conflict",
    "payload_too_large",
    "too_many_fields",
]
TEST_ID = r"(evt_)?(?=-*0)[0-]{8,}"  # of the providers' test events: zeros, or a UUID of them
LIMITS = {"error_code": 200, "error_message": 2000}  # characters
NUMBERS = ["occurred_at", "timeout_minutes"]  # the rest is text, ids too: JSON changes large numbers
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
        self._told_in_background = None  # a reason is logged once, and not at every attempt
        with self._telling("spool"):
            if self._key and self._waiting():  # what an earlier process left
                self._resend_later()

    def receipt(self, **fields):
        """You took a payment event, and an effect is due. Gives the response, or None without one."""
        return self._call("receipt", fields)

    def result(self, status, **fields):
        """The effect is applied ("success"), is not ("failed"), or a newer event made it void
        ("superseded"). Name the event as in its receipt, or by event_id. An exception as `error` fills
        error_code and error_message, a text as `error` is the error_message."""
        return self._call("result", {**fields, "status": status})

    def _call(self, path, fields):
        end = time.monotonic() + BUDGET
        with self._telling(f"{path} not sent"):
            if not self._key:
                raise ValueError("SENDPROMPTLY_KEY is not set")
            body = self._clean(fields)
            key = idempotency_key(path, body)
            # The providers' test events share one id: each is given a key, and so an event, of its own.
            if re.fullmatch(TEST_ID, str(body.get("provider_event_id") or body.get("stripe_event_id"))):
                key += f"-{secrets.token_hex(4)}"
            call = {"path": path, "key": key, "body": encode(body)}
            writing = start(self._keep, call, or_here=True)
            file = within(DISK_BUDGET, writing)
            if file is LATE:
                self._say(f"spool: the disk of {self.spool} is slow, {key} is sent meanwhile")
            outcome = self._attempt(call, end - time.monotonic())
            if "answer" not in outcome:
                fate = "is lost" if file is None else "is sent again later"
                self._say(f"{key} {'was rejected' if outcome.get('final') else fate}: {outcome['why']}")
            settling = start(self._settle_written, writing, outcome, or_here=True)
            within(end + 0.05 - time.monotonic(), settling)
            return outcome.get("answer")

    def _keep(self, call):
        """Gives the call's file, or None without one: it is sent all the same."""
        with self._telling("spool"):
            return self._write(call)

    def _settle_written(self, writing, outcome):
        with self._telling("spool"):
            self._settle(writing.result(), outcome)

    def _clean(self, fields):
        fields = dict(fields)
        payload = fields.pop("payload", None)
        fields = {**describe(fields.pop("error", None)), **fields}
        body = {
            name: self._amount(value) if name == "amount" else self._value(name, value)
            for name, value in fields.items()
        }
        body = {name: value for name, value in body.items() if value not in (None, "")}
        with self._telling("payload left out"):
            if payload is not None:
                text = encode(payload)
                if len(text.encode()) > 65_536:
                    raise ValueError("its JSON has more than 65536 bytes")
                body["payload"] = json.loads(text)
        return body

    def _amount(self, given):
        """What is sent of an amount of money. One that is not exact costs its field, and never the call."""
        if given is None:
            return None
        with contextlib.suppress(Exception):  # else it is no amount
            value, currency = given["value"], given["currency"].strip().upper()
            if type(value) is int and re.fullmatch("[A-Z]{3}", currency):
                return {"value": value, "currency": currency}
        self._say('amount left out: it takes whole minor units, as in {"value": 4900, "currency": "USD"}')
        return None

    def _value(self, name, value):
        """What is sent of a value. One that has no text costs at most its field, and never the call."""
        try:
            if isinstance(value, datetime.datetime) and value.utcoffset() is None:
                self._say(f"{name} has no zone, so this machine's is taken: datetime.now(timezone.utc) has one")
                value = value.astimezone()
            if isinstance(value, float) and abs(value) >= 2**53 and name not in [*NUMBERS, *LIMITS]:
                self._say(f"{name} is a float, which has lost digits of the id: give an int or a text")
            return clean(name, value)
        except Exception:
            if name in LIMITS:
                return type_name(value)
            self._say(f"{name} left out: its value ({type_name(value)}) has no text")
            return None

    def _attempt(self, call, seconds):
        """Sends a call once. Gives {"answer"}, or {"why", "final", "wait"}.

        In a thread of its own: nothing else ends a slow DNS lookup or a dripping answer in time."""
        connections, seconds = [], max(0.001, seconds)
        try:
            outcome = within(seconds, start(self._exchange, call, seconds, connections))
        except Exception as error:
            return {"why": f"{type(error).__name__}: {error}"}
        if outcome is not LATE:
            return outcome
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
        connection.response_class = FinalResponse
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": call["key"],
            "Content-Type": "application/json",
        }
        with contextlib.closing(connection):
            connection.request("POST", url.path, call["body"].encode(), headers)
            response = connection.getresponse()
            text = response.read(MOST_ANSWER + 1)
        if len(text) > MOST_ANSWER:
            raise ValueError(f"a response of over {MOST_ANSWER} bytes")
        wait = response.headers.get("Retry-After", "")
        wait = min(60, int(wait)) if wait.isdecimal() else 0
        return {**judge(response.status, text, call["body"]), "wait": wait}

    def _settle(self, file, outcome):
        """Removes the file of a call that got through, sets aside a rejected one, and has others wait."""
        if "answer" in outcome:
            self._delay = 1
        if not file:
            return
        if "answer" in outcome:
            remove(file)
        elif outcome.get("final"):
            self._set_aside(file)
        else:
            wait = outcome.get("wait", 0)
            age = time.time() - int(os.path.basename(file).split("-")[0]) / 1000
            due = time.time() + min(60, max(age / 2, wait))
            os.utime(file, (due, due))
            os.rename(file, unclaimed(file))
            self._quiet_until = max(self._quiet_until, time.monotonic() + wait)
            self._resend_later()

    # In the spool `<time>-<random>.json` waits until its modification time. With `.<random>` behind it, a
    # process has been sending it since then; renaming decides which.

    def _folder(self, inside=""):
        os.makedirs(self.spool, mode=0o700, exist_ok=True)
        os.makedirs(os.path.join(self.spool, inside), mode=0o700, exist_ok=True)
        # Anyone can make a folder of this name in the system's temporary one.
        if self._is_temporary and hasattr(os, "getuid") and os.lstat(self.spool).st_uid != os.getuid():
            raise PermissionError(f"{self.spool} is another user's")
        return os.path.join(self.spool, inside)

    def _write(self, call):
        # Names sort within a millisecond too.
        self._latest = max(time.time_ns() // 1_000_000, self._latest + 1)
        name = f"{self._latest}-{secrets.token_hex(6)}"
        folder = self._folder()
        if len(os.listdir(folder)) > MOST_FILES:
            raise OSError(f"{MOST_FILES} files wait in {folder}")
        name = os.path.join(folder, name)
        try:
            with open(f"{name}.tmp", "x", opener=private) as file:
                json.dump(call, file)
                file.flush()
                os.fsync(file.fileno())
            mine = claimed(f"{name}.json")
            os.rename(f"{name}.tmp", mine)
            return mine
        finally:
            remove(f"{name}.tmp")

    def _waiting(self):
        """What is not sent yet, as (due, name, is claimed). What has waited longest comes first: a result
        does not overtake its receipt, and what fails again and again does not hold up the rest."""
        found = []
        with os.scandir(self._folder()) as files:
            for file in files:
                if not re.match(r"\d+-\w+\.(json|tmp)", file.name):
                    continue
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    time_of_file = file.stat().st_mtime
                    if file.name.endswith(".json"):
                        found.append((time_of_file, file.name, False))
                    elif ".json." in file.name:
                        found.append((time_of_file + LEASE, file.name, True))
                    elif time_of_file < time.time() - LEASE:
                        remove(file.path)  # half a call: its process died while writing it
        return sorted(found)

    def _claim(self, name):
        file = os.path.join(self.spool, name)
        os.utime(file)
        mine = claimed(file)
        os.rename(file, mine)
        return mine

    def _resend(self, end=None):
        """Goes through the spool once. Gives how many calls are left."""
        in_background, end = end is None, end or float("inf")
        failures = 0
        for due, name, is_claimed in self._waiting():
            if not self._quiet_until <= time.monotonic() < end:
                break
            if due > time.time() and (in_background or is_claimed):
                continue
            file = None
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                file = self._claim(name)
            if not file:
                continue
            with open(file, "rb") as opened:
                call = parse(opened.read()) or {}
            # The server forgets keys after 7 days.
            if not call.get("key") or time.time() - int(name.split("-")[0]) / 1000 > 7 * DAY:
                why = "older than 7 days" if call.get("key") else "the file is damaged"
                self._say(f"{call.get('key', name)} is set aside: {why}")
                self._set_aside(file)
                continue
            outcome = self._attempt(call, min(BACKGROUND_BUDGET, end - time.monotonic()))
            self._tell(call["key"], outcome)
            self._settle(file, outcome)
            # The server seems to be away.
            failures += "answer" not in outcome and not outcome.get("final")
            if failures == 3:
                break
        return len(self._waiting())

    def _tell(self, key, outcome):
        why = outcome.get("why")
        if outcome.get("final"):
            self._say(f"{key} was rejected: {why}")
            return
        if why and why != self._told_in_background:
            self._say(f"{key} is sent again later: {why}")
        self._told_in_background = why

    def _resend_later(self):
        if not (self._thread and self._thread.is_alive()):  # in a forked process it is not
            self._thread = threading.Thread(target=self._resend_in_background, daemon=True)
            self._thread.start()

    def _resend_in_background(self):
        while True:
            quiet = self._quiet_until - time.monotonic()
            time.sleep(max(self._delay * random.uniform(1, 1.25), quiet))
            self._delay = min(60, self._delay * 2)
            with self._telling("spool"):
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

    def _set_aside(self, file):
        """Keeps what is not sent any more: the newest 10,000 of the last 30 days. Moved back, it is sent."""
        folder = self._folder("rejected")
        os.rename(file, os.path.join(folder, os.path.basename(unclaimed(file))))
        names = sorted(os.listdir(folder))
        since = str(int((time.time() - 30 * DAY) * 1000))
        old = [name for at, name in enumerate(names) if at < len(names) - MOST_FILES or name < since]
        for name in old:
            remove(os.path.join(folder, name))
        if old:
            self._say(f"removed from {folder}: {len(old)} that are old, {old[0]} first")

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
            if not self.claim(name, WORK):
                return 202, "taken before"
            try:
                threading.Thread(target=self._work, args=(order, work, name)).start()
            except RuntimeError:  # there are too many: the next attempt works
                self.release(name)
                raise
            return 202, "accepted"
        except Exception as error:
            self._say(f"repair: {error}")
            return 500, str(error)

    def _work(self, order, work, name):
        outcome = {"status": "success", "event_id": order["event_id"], "replay_id": order["replay_id"]}
        try:
            done = work(order)
            if isinstance(done, str) and done == "superseded":  # what a table compares to is a table
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


# All that tells calls apart, as keys are made of it.
PARTS = [
    "provider",
    "event_id",
    "provider_event_id",
    "event_type",
    "effect_type",
    "internal_reference",
    "effect_key",
    "shopify_shop_domain",
    "status",
    "replay_id",
]
# Reads a key's head back. What reads back whole is a key as it is; all else needs a hash behind it.
HEAD = {
    "receipt": "receipt-(?P<provider_event_id>.+)-(?P<event_type>[^-]+)-(?P<effect_type>[^-]+)",
    "result": "result-((?P<event_id>ev_[^-]+)|(?P<provider_event_id>(?!ev_).+?))(-(?P<effect_type>[^-]+))?"
    "-(?P<status>success|failed|superseded)(-(?P<replay_id>rpl_[^-]+))?",
}


def idempotency_key(call, fields):
    """Equal for equal calls, and different for different events, in all of the sendpromptly clients:
    receipt-<event>-<event type>-<effect> or result-<event>-<effect>-<status>-<replay_id>, with a hash of
    all the parts behind it where more than these tells the event apart."""

    def part(name):
        value = fields.get(name)
        return "" if value is None else well_formed(str(value)).strip()

    parts = {name: part(name) for name in PARTS}
    if not parts["provider_event_id"] and part("stripe_event_id"):
        parts["provider_event_id"] = part("stripe_event_id")
        parts["provider"] = parts["provider"] or "stripe"
    if call == "receipt":
        shown = ["provider_event_id", "event_type", "effect_type"]
    else:
        shown = ["event_id" if parts["event_id"] else "provider_event_id", "effect_type", "status", "replay_id"]
    head = "-".join([call, *(parts[name] for name in shown if parts[name])])
    found = re.fullmatch(HEAD[call], head)
    read = {"provider": "stripe" if call == "receipt" else "", **(found.groupdict() if found else {})}
    is_whole = all((read.get(name) or "") == parts[name] for name in PARTS)
    hashed = sha256("".join(f"{len(text.encode())}:{text}" for text in parts.values()))
    key = head if is_whole else f"{head}-{hashed[:32]}"
    return key if re.fullmatch("[!-~]{1,200}", key) else f"{call}-{hashed}"


class FinalResponse(http.client.HTTPResponse):
    """Reads past every interim response (102, 103), which a proxy may send; http.client alone reads past
    100 only and takes another one for the answer (RFC 9110, section 15.2)."""

    def _read_status(self):
        version, status, reason = super()._read_status()
        interim = 100 < status < 200 and status != http.client.SWITCHING_PROTOCOLS
        return version, http.client.CONTINUE if interim else status, reason


def judge(status, text, body):
    """What a response means: {"answer"}, or {"why", "final"}. `body` is the call's."""
    answer = parse(text) or {}
    if 200 <= status < 300 and answer.get("accepted") is True:
        return {"answer": answer}
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    code = error.get("code")
    names_unknown_event = code == "not_found" and bool((parse(body) or {}).get("event_id"))
    final = 400 <= status < 500 and (code in FINAL or names_unknown_event)
    cure = "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies"
    if code:
        cures = {"unauthorized": "check SENDPROMPTLY_KEY", "not_found": "check SENDPROMPTLY_URL"}
        cure = cures.get(str(code))
    why = [status, code, error.get("message"), error.get("fields"), not final and cure]
    return {"why": " ".join(str(one) for one in why if one), "final": final}


LATE = object()


def start(work, *given, or_here=False):
    """Works in a thread of its own, or, where none can start, here. Gives a Future."""
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(work(*given))
        except Exception as error:
            future.set_exception(error)

    try:
        threading.Thread(target=run, name="sendpromptly", daemon=True).start()
    except RuntimeError:  # there are too many
        if not or_here:
            raise
        run()
    return future


def within(seconds, future):
    """What the work of a future gives, or LATE where that takes longer."""
    try:
        return future.result(max(0.001, seconds))
    except concurrent.futures.TimeoutError:
        return LATE


def describe(error):
    if error is None:
        return {}
    if not isinstance(error, BaseException):
        return {"error_message": error}
    code = type_name(error)
    try:
        return {"error_code": code, "error_message": str(error) or repr(error)}
    except Exception:
        return {"error_code": code}  # an exception whose text fails too


def type_name(value):
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def clean(name, value):
    if value is None or isinstance(value, bool):
        return value
    if name in NUMBERS and hasattr(value, "__float__"):  # a Decimal too
        value = value if isinstance(value, int) else float(value)
        if math.isfinite(value):
            return int(value) if value == int(value) else value
    if isinstance(value, (dict, list)):
        with contextlib.suppress(Exception):  # else its text has to do
            return json.loads(encode(value))
    if isinstance(value, float) and value.is_integer() and name not in LIMITS:
        value = int(value)  # an id
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):  # a datetime
        value = value.isoformat()
    text = well_formed(value if isinstance(value, str) else str(value))
    text = re.sub(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", "", text)
    # Ids are compared without white space around them.
    return text[: LIMITS[name]] if name in LIMITS else text.strip()


def encode(value):
    return well_formed(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def well_formed(text):
    """Half a surrogate pair is no text."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def parse(text):
    """The JSON object of a text, or None if it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def remove(file):
    with contextlib.suppress(FileNotFoundError):
        os.remove(file)


def private(path, flags):
    return os.open(path, flags, 0o600)


def sha256(text):
    return hashlib.sha256(str(text).encode("utf-8", "replace")).hexdigest()


def unclaimed(file):
    return re.sub(r"\.json\..+$", ".json", file)


def claimed(file):
    return f"{unclaimed(file)}.{secrets.token_hex(4)}"
