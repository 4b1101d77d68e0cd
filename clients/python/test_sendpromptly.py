"""python3 -m unittest discover -s clients/python -p test_sendpromptly.py"""
import atexit
import base64
import contextlib
import datetime
import decimal
import enum
import fractions
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from unittest import mock

from sendpromptly import Client, idempotency_key

HERE = pathlib.Path(__file__).parent
TEMPORARY = tempfile.mkdtemp(prefix="sendpromptly-python-")


@atexit.register
def remove_spools():
    Client._folder = lambda *_: TEMPORARY  # clients use their spools until the end, and would make them again
    shutil.rmtree(TEMPORARY, ignore_errors=True)


SECRET_BYTES = bytes([7]) * 32
SECRET = f"whsec_{base64.b64encode(SECRET_BYTES).decode()}"
KEY = "sk_test_unseen"
EVENT = {
    "provider": "stripe",
    "provider_event_id": "evt_1",
    "event_type": "invoice.paid",
    "effect_type": "credit_grant",
    "internal_reference": "user_456",
}
RECEIPT = {**EVENT, "occurred_at": 1795269729}
RECEIPT_KEY = "receipt-evt_1-invoice.paid-credit_grant-2f5baf64cc0cd2777f56911cd492daea"
RESULT_KEY = "result-evt_1-credit_grant-success-3fc8f4898cce199e7280eb315c28e619"
ORDER = {"type": "reprocess", "replay_id": "rpl_1", "event_id": "ev_1", "effect_type": "credit_grant"}


def answer(status, body, **headers):
    """What a server does with a request: it answers with JSON."""

    def act(handler):
        text = json.dumps(body).encode()
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(text)}\r\nConnection: close\r\n{head}\r\n"
        handler.wfile.write(head.encode() + text)

    return act


ACCEPT = answer(202, {"event_id": "ev_1", "accepted": True})


def interim(act):
    """What a proxy sends first that knows what the page will need."""

    def act_later(handler):
        handler.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        act(handler)

    return act_later


def error(status, code, message="no", **more):
    return answer(status, {"error": {"code": code, "message": message, "request_id": "req_1", **more}})


def page(status, text="<html>"):
    """What something else than sendpromptly answers."""

    def act(handler):
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(text)}\r\n\r\n"
        handler.wfile.write(head.encode() + text.encode())

    return act


def endless(handler):
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 202 Accepted\r\n\r\n")
        while not handler.server.stopping.is_set():
            handler.wfile.write(b" " * 10_000)


def hang(handler):
    handler.server.stopping.wait()


def drip(text, start=b""):
    def act(handler):
        with contextlib.suppress(OSError):
            handler.wfile.write(start)
            while not handler.server.stopping.wait(0.5):
                handler.wfile.write(text)

    return act


DRIP_HEADERS = drip(b"x", b"HTTP/1.1 202 Accepted\r\nx-slow: ")
DRIP_BODY = drip(b" ", b"HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\n")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline().decode().split(" ")[1]
        lines = iter(lambda: self.rfile.readline().decode().strip(), "")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = self.rfile.read(int(headers["content-length"])).decode()
        request = {"path": path, "headers": headers, "body": body, "at": time.monotonic()}
        with self.server.lock:
            self.server.requests.append({**request, "key": headers["idempotency-key"]})
            script = self.server.script
            act = script.pop(0) if len(script) > 1 else script[0]
        act(self)


class Server(socketserver.ThreadingTCPServer):
    """Does with each request what the script says, and the last of it ever after."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.requests = list(script), []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.shutdown()
        self.server_close()


def files(folder):
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if ".json" in name)


def write_waiting(spool, name, due=None, **call):
    os.makedirs(spool, exist_ok=True)
    written = {"path": "receipt", "key": name, "body": "{}", **call}
    file = pathlib.Path(spool, f"{name}.json")
    file.write_text(json.dumps(written))
    due = due or time.time()
    os.utime(file, (due, due))


def milliseconds(ago=0):
    return int(time.time() * 1000) - ago


def callback(order, secrets=(SECRET_BYTES,), age=0, nonce=None):
    """The headers and body of a repair callback, signed as the server signs them."""
    body = json.dumps(order).encode()
    timestamp = str(int(time.time()) - age)
    nonce = uuid.uuid4().hex if nonce is None else nonce
    signed = f"{timestamp}.{nonce}.".encode() + body
    macs = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets]
    signature = ",".join(f"v1={mac}" for mac in macs)
    return {"X-SP-Timestamp": timestamp, "X-SP-Nonce": nonce, "X-SP-Signature": signature}, body


class Case(unittest.TestCase):
    def serve(self, *script):
        server = Server(script)
        self.addCleanup(server.stop)
        return server

    def folder(self):
        return os.path.join(tempfile.mkdtemp(dir=TEMPORARY), "spool")

    def client(self, url, **options):
        logged = []
        settings = {"key": KEY, "secret": SECRET, "spool": self.folder(), "log": logged.append, **options}
        client = Client(url=url, **settings)
        client.logged = logged
        return client

    def start(self, *script, **options):
        """A server, and a client of it with its own spool."""
        server = self.serve(*script)
        return server, self.client(server.url, **options)

    def until(self, what, condition):
        end = time.monotonic() + 120
        while not condition():
            self.assertLess(time.monotonic(), end, f"never: {what}")
            time.sleep(0.01)

    def child(self, url, spool, code, **options):
        """Runs code beside a client in a process of its own."""
        settings = {"SENDPROMPTLY_URL": url, "SENDPROMPTLY_KEY": KEY, "SENDPROMPTLY_SPOOL": spool}
        source = "import os, time, sendpromptly\nclient = sendpromptly.Client(log=lambda line: None)\n"
        command = [sys.executable, "-B", "-W", "ignore", "-c", source + code]
        one = subprocess.Popen(command, cwd=HERE, env={**os.environ, **settings}, **options)
        self.addCleanup(one.wait)
        self.addCleanup(one.kill)
        return one


class Calls(Case):
    def test_a_receipt_and_a_result_arrive_and_nothing_stays_in_the_spool(self):
        server, client = self.start(ACCEPT)
        given = client.receipt(**RECEIPT, payload={"id": "evt_1"})
        self.assertEqual(given, {"event_id": "ev_1", "accepted": True})
        client.result("success", **EVENT)
        receipt, result = server.requests
        self.assertEqual(receipt["path"], "/api/v1/receipt")
        self.assertEqual(receipt["headers"]["authorization"], f"Bearer {KEY}")
        self.assertEqual(receipt["headers"]["content-type"], "application/json")
        self.assertEqual(receipt["key"], RECEIPT_KEY)
        self.assertEqual(json.loads(receipt["body"]), {**RECEIPT, "payload": {"id": "evt_1"}})
        self.assertEqual(result["path"], "/api/v1/result")
        self.assertEqual(result["key"], RESULT_KEY)
        self.assertEqual(json.loads(result["body"]), {**EVENT, "status": "success"})
        self.assertEqual(files(client.spool), [])
        self.assertEqual(client.logged, [])
        self.assertEqual(os.stat(client.spool).st_mode & 0o777, 0o700)

    def test_interim_responses_are_no_answer(self):
        invalid = error(422, "validation_error", fields=[{"field": "provider", "message": "is required"}])
        server, client = self.start(interim(ACCEPT), interim(invalid))
        self.assertEqual(client.receipt(**RECEIPT), {"event_id": "ev_1", "accepted": True})
        client.result("success", **EVENT)
        self.assertEqual(len(server.requests), 2)
        self.assertIn("validation_error", "".join(client.logged))

    def test_no_server_holds_both_calls_for_more_than_2_seconds_and_they_are_kept(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            refusing = closed.getsockname()[1]

        slow_lookup = threading.Event()
        self.addCleanup(slow_lookup.set)
        lookup = socket.getaddrinfo

        def resolve(host, *more, **options):
            if host == "slow.invalid":
                slow_lookup.wait()
            return lookup(host, *more, **options)

        patch = mock.patch("socket.getaddrinfo", resolve)
        patch.start()
        self.addCleanup(patch.stop)
        cases = {
            "hangs after the request": self.serve(hang).url,
            "drips its headers": self.serve(DRIP_HEADERS).url,
            "drips its body": self.serve(DRIP_BODY).url,
            "answers with no JSON": self.serve(page(200)).url,
            "answers without end": self.serve(endless).url,
            "redirects": self.serve(answer(302, {}, location="/")).url,
            "hangs in the TLS handshake": f"https://127.0.0.1:{silent.getsockname()[1]}",
            "refuses connections": f"http://127.0.0.1:{refusing}",
            "has no address": "http://no-such-host.invalid",
            "takes long to look up": "http://slow.invalid",
            "has a malformed address": "localhost:8080",
        }

        def check(what, client):
            before = time.monotonic()
            self.assertIsNone(client.receipt(**RECEIPT), what)
            self.assertIsNone(client.result("success", **EVENT), what)
            took[what] = time.monotonic() - before

        took = {}
        clients = {what: self.client(url) for what, url in cases.items()}
        threads = [threading.Thread(target=check, args=one) for one in clients.items()]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        for what, client in clients.items():
            self.assertLess(took[what], 2, what)
            self.assertEqual(len(files(client.spool)), 2, what)
            told = "\n".join(client.logged)
            for path in ("receipt", "result"):
                self.assertRegex(told, rf"(?m)^sendpromptly: {path}-evt_1\S+ is sent again later: .")

    def test_both_calls_arrive_once_a_server_that_hung_is_back(self):
        server, client = self.start(hang)
        self.assertIsNone(client.receipt(**RECEIPT))
        self.assertIsNone(client.result("success", **EVENT))
        server.script[:] = [ACCEPT]
        self.until("an empty spool", lambda: not files(client.spool))
        self.assertEqual({one["key"] for one in server.requests[2:]}, {RECEIPT_KEY, RESULT_KEY})

    def test_what_is_cut_off_leaves_no_thread(self):
        clients = [self.start(act)[1] for act in (hang, DRIP_HEADERS, DRIP_BODY)]
        before = {one.ident for one in threading.enumerate()}
        with mock.patch.object(Client, "_resend_later"):
            threads = [threading.Thread(target=one.receipt, kwargs=RECEIPT) for one in clients]
            for one in threads:
                one.start()
            for one in threads:
                one.join()

        def are_left():
            new = [one for one in threading.enumerate() if one.ident not in before]
            return [one for one in new if one.name == "sendpromptly"]

        self.until("the end of their threads", lambda: not are_left())

    def test_what_got_no_answer_is_sent_again_with_the_same_bytes_and_key(self):
        in_progress = answer(409, {"error": {"code": "idempotency_in_progress", "message": "running"}})
        firsts = [in_progress, *(answer(status, {}) for status in (503, 500, 408, 425))]
        pairs = [self.start(first, ACCEPT) for first in firsts]
        for _, client in pairs:
            self.assertIsNone(client.receipt(**RECEIPT))
        for server, client in pairs:
            self.until("a second attempt", lambda: len(server.requests) == 2)
            first, second = server.requests
            self.assertEqual((first["body"], first["key"]), (second["body"], second["key"]))
            self.until("an empty spool", lambda: not files(client.spool))

    def test_retry_after_is_respected(self):
        server, client = self.start(answer(429, {}, Retry_After=2), ACCEPT)
        client.receipt(**RECEIPT)
        self.until("a second attempt", lambda: len(server.requests) == 2)
        self.assertGreaterEqual(server.requests[1]["at"] - server.requests[0]["at"], 2)

    def test_what_is_rejected_is_told_set_aside_and_not_sent_again(self):
        wrong = [{"field": "event_type", "message": "is unknown"}]
        invalid = error(422, "validation_error", "some fields\nare wrong", fields=wrong)
        server, client = self.start(invalid, ACCEPT)
        self.assertIsNone(client.receipt(**RECEIPT))
        expected = "was rejected: 422 validation_error some fields are wrong .*event_type.*is unknown"
        self.assertRegex(client.logged[0], expected)
        self.assertEqual(client.flush(), 0)
        self.assertEqual(len(server.requests), 1)
        [name] = files(os.path.join(client.spool, "rejected"))
        os.rename(os.path.join(client.spool, "rejected", name), os.path.join(client.spool, name))
        self.assertEqual(client.flush(), 0, "moved back, it is sent")
        self.assertEqual(server.requests[1]["body"], server.requests[0]["body"])

    def test_only_what_the_server_says_of_the_call_itself_is_final(self):
        server, client = self.start(ACCEPT)
        final = [
            error(422, "ambiguous_event", candidates=[]),
            error(409, "idempotency_conflict"),
            error(413, "payload_too_large"),
            error(413, "too_many_fields"),
        ]
        for one in final:
            server.script[:] = [one]
            client.receipt(**RECEIPT)
            self.assertRegex(client.logged[-1], "was rejected")
        server.script[:] = [error(404, "not_found")]
        client.result("success", event_id="ev_1")
        self.assertRegex(client.logged[-1], "was rejected: 404 not_found no$", "nobody knows that event")
        self.assertEqual(len(files(os.path.join(client.spool, "rejected"))), 5)
        self.assertEqual(files(client.spool), [])

    def test_what_can_be_put_right_is_kept_told_with_its_cure_and_sent_then(self):
        foreign = "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies$"
        passing = [
            (error(401, "unauthorized"), "401 unauthorized no check SENDPROMPTLY_KEY$"),
            (error(404, "not_found"), "404 not_found no check SENDPROMPTLY_URL$"),
            (error(400, "malformed_request"), "400 malformed_request no$"),
            (error(422, "a_code_of_later_days"), "422 a_code_of_later_days no$"),
            (error(422, ["validation_error"]), "422"),
            (error(500, "validation_error"), "500 validation_error no$"),
            (answer(422, {"error": "validation_error"}), foreign),
            *((page(status), f"{status} {foreign}") for status in (400, 403, 404, 409, 413, 422, 429, 502)),
        ]
        # What a portal or another service says is no acceptance either.
        for text in ("<html>", "[]", "null", "7", '"text"', "{}", '{"accepted":false}', '[{"accepted":true}]'):
            passing.append((page(200, text), f"200 {foreign}"))
        for script, expected in passing:
            server, client = self.start(script)
            self.assertIsNone(client.receipt(**RECEIPT))
            self.assertRegex(client.logged[0], f"is sent again later: .*{expected}")
            # Each goes through the spool once, with time enough for the answer.
            client.flush(1)
            client.flush(1)
            self.assertLessEqual(len(client.logged), 2, "a reason is told once")
            server.script[:] = [ACCEPT]
            self.until("an empty spool", lambda: not client.flush(0.1))
            self.assertEqual(files(os.path.join(client.spool, "rejected")), [])
            self.assertEqual(len({one["key"] + one["body"] for one in server.requests}), 1)

    def test_an_answer_is_read_up_to_64_kib(self):
        text = '{"accepted":true}'
        server, client = self.start(page(202, text.ljust(65_536)), page(202, text.ljust(65_537)), endless)
        self.assertEqual(client.receipt(**RECEIPT), {"accepted": True})
        for n in range(2):
            self.assertIsNone(client.receipt(**RECEIPT))
            self.assertRegex(client.logged[n], "a response of over 65536 bytes")

    def test_what_is_set_aside_stays_for_30_days_10000_of_it_and_what_is_removed_is_told(self):
        _, client = self.start(error(422, "validation_error"))
        rejected, day = os.path.join(client.spool, "rejected"), 24 * 3600_000
        write_waiting(rejected, f"{milliseconds(31 * day)}-aa")
        write_waiting(rejected, f"{milliseconds(29 * day)}-bb")
        client.receipt(**RECEIPT)
        self.assertEqual(len(files(rejected)), 2)
        self.assertRegex(client.logged[-1], r"removed from .*rejected: 1 that are old, \d+-aa.json first")
        day_ago = milliseconds(day)  # once: a clock that is set back would give a name twice
        for n in range(10_000):
            pathlib.Path(rejected, f"{day_ago + n}-cc.json").touch()
        client.receipt(**RECEIPT)

        # Listing so many again and again would keep the client's own threads from working.
        self.until("the log", lambda: any("3 that are old" in line for line in client.logged))
        names = files(rejected)
        self.assertEqual(len(names), 10_000)
        self.assertFalse(any(name.endswith("-bb.json") for name in names))

    def test_a_result_waits_behind_its_receipt_within_a_millisecond_too(self):
        _, client = self.start(answer(503, {}))
        with mock.patch("time.time_ns", return_value=time.time_ns()):
            for _ in range(3):
                client.receipt(**RECEIPT)
                client.result("success", **EVENT)
        waiting = [json.loads(pathlib.Path(client.spool, name).read_text()) for name in files(client.spool)]
        self.assertEqual([one["path"] for one in waiting], ["receipt", "result"] * 3)

    def test_a_call_goes_on_where_no_thread_can_start(self):
        _, client = self.start(ACCEPT)
        with mock.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread")):
            self.assertIsNone(client.receipt(**RECEIPT))
        [name] = files(client.spool)
        self.assertTrue(name.endswith(".json"), "it waits")
        self.assertEqual(client.flush(), 0)

    def test_the_oldest_is_sent_first(self):
        spool, now = self.folder(), milliseconds()
        for age in (1, 3, 2):
            write_waiting(spool, f"{now - age}-aa", due=(now - age) / 1000)
        server, client = self.start(ACCEPT, spool=spool)
        self.until("an empty spool", lambda: not files(spool))
        self.assertEqual([one["key"] for one in server.requests], [f"{now - age}-aa" for age in (3, 2, 1)])

    def test_calls_that_never_get_through_do_not_hold_up_the_others(self):
        spool, now = self.folder(), milliseconds()
        bad = [f"{now - age}-aa" for age in range(7)]
        for name in bad:
            write_waiting(spool, name)
        write_waiting(spool, f"{now}-bb")

        def act(handler):
            (page(403) if handler.server.requests[-1]["key"] in bad else ACCEPT)(handler)

        # It goes through the spool three times, in pauses that are a tenth as long.
        patch = mock.patch("random.uniform", return_value=0.1)
        patch.start()
        self.addCleanup(patch.stop)
        server, _ = self.start(act, spool=spool)
        self.until("the other", lambda: any(one["key"].endswith("bb") for one in server.requests))
        # It has arrived before the client has its answer and removes its file.
        self.until("the other's file is gone", lambda: not any("-bb" in name for name in files(spool)))
        self.assertEqual(len(files(spool)), 7)

    def test_a_call_waits_longer_and_longer_up_to_a_minute(self):
        _, client = self.start(answer(503, {}))
        for age, least, most in [(20, 9, 11), (900, 59, 61)]:
            write_waiting(client.spool, f"{milliseconds(age * 1000)}-aa")
            with mock.patch.object(client, "_resend_later"):
                client.flush(0.1)
            [name] = files(client.spool)
            wait = os.stat(os.path.join(client.spool, name)).st_mtime - time.time()
            self.assertTrue(least - 5 < wait <= most, wait)
            os.remove(os.path.join(client.spool, name))

    def test_flush_sends_what_waits_and_tells_how_many_are_left(self):
        server, client = self.start(hang)
        for n in range(3):
            write_waiting(client.spool, f"{milliseconds() + n}-aa")
        before = time.monotonic()
        self.assertEqual(client.flush(0.5), 3)
        self.assertLess(time.monotonic() - before, 1)
        server.script[:] = [ACCEPT]
        self.assertEqual(client.flush(), 0)

    def test_what_is_over_7_days_old_or_damaged_is_set_aside_and_told(self):
        server, client = self.start(ACCEPT)
        write_waiting(client.spool, f"{milliseconds(8 * 24 * 3600_000)}-aa", key="receipt-old")
        for text in ("", "null", "[]"):
            pathlib.Path(client.spool, f"{milliseconds()}-b{len(text)}.json").write_text(text)
        self.assertEqual(client.flush(), 0)
        self.assertEqual(server.requests, [])
        lines = "\n".join(sorted(client.logged))
        self.assertRegex(lines, "b0.json is set aside: the file is damaged")
        self.assertRegex(lines, "receipt-old is set aside: older than 7 days")
        self.assertEqual(len(files(os.path.join(client.spool, "rejected"))), 4)

    def slow_disk(self, name):
        """Has a function of os wait until the disk is back; gives what brings it back."""
        back, original = threading.Event(), getattr(os, name)

        def slow(*given, **more):
            back.wait()
            return original(*given, **more)

        patch = mock.patch(f"os.{name}", slow)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(back.set)
        return back

    def test_a_disk_that_hangs_holds_neither_the_handler_nor_the_call(self):
        for name in ("makedirs", "listdir", "open", "fsync", "rename", "remove"):
            with self.subTest(name):
                server, client = self.start(ACCEPT)
                back = self.slow_disk(name)
                before = time.monotonic()
                self.assertTrue(client.receipt(**RECEIPT))
                self.assertLess(time.monotonic() - before, 2)
                self.assertRegex(client.logged[0], r"spool: the disk of .* is slow, receipt-evt_1\S+ is sent meanwhile")
                back.set()
                self.until("nothing is left", lambda: os.path.isdir(client.spool) and not files(client.spool))
                self.assertEqual(len(server.requests), 1)
                self.doCleanups()

    def test_what_a_slow_disk_takes_later_is_sent_again_if_it_did_not_get_through(self):
        server, client = self.start(answer(503, {}))
        back = self.slow_disk("fsync")
        self.assertIsNone(client.receipt(**RECEIPT))
        server.script[:] = [ACCEPT]
        back.set()
        self.until("the second attempt", lambda: len(server.requests) == 2)
        self.until("an empty spool", lambda: not files(client.spool))

    def test_on_a_full_disk_calls_are_sent_all_the_same_and_nothing_is_left_behind(self):
        folder = tempfile.mkdtemp(dir=TEMPORARY)
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder]
        if not shutil.which("mount") or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
            self.skipTest("only root can mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", folder])
        server, client = self.start(ACCEPT, spool=os.path.join(folder, "spool"))
        self.assertTrue(client.receipt(**RECEIPT))
        filler = pathlib.Path(folder, "filler")
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(65_536))
        self.assertTrue(client.receipt(**RECEIPT))
        self.assertRegex(client.logged[0], "spool: .*No space left on device")
        server.script[:] = [answer(503, {})]
        client.receipt(**RECEIPT)
        self.assertRegex(client.logged[-1], "is lost: 503")
        self.assertEqual(os.listdir(client.spool), [])
        filler.unlink()
        client.receipt(**RECEIPT)
        self.assertRegex(client.logged[-1], "is sent again later: 503")
        server.script[:] = [ACCEPT]
        self.until("an empty spool", lambda: not files(client.spool))

    def test_without_a_usable_spool_calls_are_sent_all_the_same_and_that_is_told(self):
        with tempfile.NamedTemporaryFile() as file:
            _, client = self.start(ACCEPT, spool=f"{file.name}/spool")
            self.assertTrue(client.receipt(**RECEIPT))
        self.assertRegex("\n".join(client.logged), "sendpromptly: spool: .*Not a directory")

    def test_a_spool_of_10000_files_takes_no_more_but_calls_are_sent(self):
        _, client = self.start(ACCEPT)
        for n in range(10_001):
            pathlib.Path(client.spool, f"filler-{n}").touch()
        self.assertTrue(client.receipt(**RECEIPT))
        self.assertRegex("\n".join(client.logged), "10000 files wait")

    @unittest.skipUnless(hasattr(os, "getuid") and os.getuid() == 0, "only root can make one")
    def test_in_the_temporary_folder_another_users_folder_is_not_used(self):
        os.makedirs(temporary := self.folder())
        with mock.patch("tempfile.gettempdir", lambda: temporary):
            server, client = self.start(ACCEPT, spool=None)
            os.chown(client.spool, 1, 1)
            self.assertTrue(client.receipt(**RECEIPT))
        self.assertEqual(os.listdir(client.spool), [])
        self.assertRegex("\n".join(client.logged), "is another user's")


class Processes(Case):
    def test_what_a_killed_process_was_sending_is_sent_by_the_next_one_with_the_same_key(self):
        server, spool = self.serve(hang), self.folder()
        first = self.child(server.url, spool, f"client.receipt(**{RECEIPT!r})")
        self.until("the first attempt", lambda: len(server.requests) == 1)
        first.kill()
        first.wait()
        [name] = files(spool)
        self.assertRegex(name, r"\.json\.\w+$", "it was written before it was sent")
        then = time.time() - 61  # a minute later
        os.utime(os.path.join(spool, name), (then, then))
        server.script[:] = [ACCEPT]
        self.child(server.url, spool, "time.sleep(60)")
        self.until("the second attempt", lambda: len(server.requests) == 2)
        first, second = server.requests
        self.assertEqual((first["body"], first["key"]), (second["body"], second["key"]))
        self.until("an empty spool", lambda: not files(spool))

    def test_a_process_that_is_killed_at_any_moment_leaves_whole_calls_and_all_it_was_told_of(self):
        server, spool, told = self.serve(answer(503, {})), self.folder(), []
        for n in range(8):
            code = f"""
for n in range(10_000):
    client.receipt(**{{**{RECEIPT!r}, "internal_reference": f"{n}-{{n}}"}})
    print(f"{n}-{{n}}", flush=True)"""
            one = self.child(server.url, spool, code, stdout=subprocess.PIPE, text=True)
            printed = [one.stdout.readline().strip() for _ in range(n + 1)]
            one.kill()
            printed += one.stdout.read().split("\n")[:-1]
            one.wait()
            one.stdout.close()
            told += printed
        then = time.time() - 61
        for name in os.listdir(spool):
            os.utime(os.path.join(spool, name), (then, then))
        server.requests.clear()
        server.script[:] = [ACCEPT]
        client = self.client(server.url, spool=spool)
        self.until("an empty spool", lambda: not client.flush())
        self.assertEqual((os.listdir(spool), client.logged), ([], []), "no half-written one either")
        arrived = {json.loads(one["body"])["internal_reference"] for one in server.requests}
        self.assertLessEqual(set(told), arrived)

    def test_a_process_ends_although_calls_wait(self):
        server, spool = self.serve(hang), self.folder()
        for n in range(5):
            write_waiting(spool, f"{milliseconds() + n}-aa")
        before = time.monotonic()
        one = self.child(server.url, spool, "time.sleep(1.5)")
        self.assertEqual(one.wait(), 0)
        self.assertLess(time.monotonic() - before, 4)
        self.assertEqual(len(server.requests), 1, "it was at one of them")
        self.assertEqual(len(files(spool)), 5)

    def test_processes_that_share_a_spool_send_each_call_once(self):
        def slow(handler):
            time.sleep(0.005)
            ACCEPT(handler)

        server, spool = self.serve(slow), self.folder()
        for n in range(40):
            write_waiting(spool, f"{milliseconds() + n}-aa")
        both = [self.child(server.url, spool, "while client.flush(): pass") for _ in range(2)]
        for one in both:
            self.assertEqual(one.wait(), 0)
        self.assertEqual(len({one["key"] for one in server.requests}), 40)
        self.assertEqual(len(server.requests), 40)

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork")
    def test_a_forked_process_sends_again_too(self):
        server, spool = self.serve(answer(503, {})), self.folder()
        write_waiting(spool, f"{milliseconds()}-aa")  # so that the parent has a thread before the fork
        code = f"""
if pid := os.fork():
    print(pid, flush=True)
    os._exit(0)
client.receipt(**{RECEIPT!r})
time.sleep(60)"""
        parent = self.child(server.url, spool, code, stdout=subprocess.PIPE)
        with parent.stdout as printed:
            self.addCleanup(os.kill, int(printed.readline()), signal.SIGKILL)
        self.until("the first attempt", lambda: server.requests)
        server.script[:] = [ACCEPT]
        self.until("an empty spool", lambda: not files(spool))


class Texts(Case):
    def sent(self, server):
        return json.loads(server.requests[-1]["body"])

    def test_texts_are_cleaned_so_that_they_can_be_sent(self):
        server, client = self.start(ACCEPT)
        cases = [
            ("x" * 1992 + "😀", "x" * 1992 + "😀"),
            ("x" * 1999 + "😀😀", "x" * 1999 + "😀"),
            ("x" * 20_000, "x" * 2000),
            ("😀" * 20_000, "😀" * 2000),
            ("a\0b\x07c\x1b[0m\r\n\td\x7f\x85", "abc[0m\n\td"),
            ("x\ud83d", "x\ufffd"),
            (b"caf\xe9", "caf\ufffd"),
        ]
        for given, sent in cases:
            self.assertTrue(client.result("failed", **EVENT, error_message=given))
            self.assertEqual(self.sent(server)["error_message"], sent)
        client.result("failed", **{**EVENT, "internal_reference": "a\0b\ud800"}, error_code="é" * 300)
        self.assertEqual(self.sent(server)["error_code"], "é" * 200)
        self.assertEqual(self.sent(server)["internal_reference"], "ab\ufffd")

    def test_values_of_pythons_own_types_are_sent_as_texts(self):
        class Effect(str, enum.Enum):
            GRANT = "credit_grant"

        server, client = self.start(ACCEPT)
        moment = datetime.datetime(2026, 11, 21, 14, 2, 9, tzinfo=datetime.timezone.utc)
        reference = uuid.UUID(int=5)
        more = {"effect_type": Effect.GRANT, "internal_reference": reference, "occurred_at": moment}
        client.receipt(**{**RECEIPT, **more}, payload={"a": "\ud83d"})
        sent = self.sent(server)
        self.assertEqual(sent["effect_type"], "credit_grant")
        self.assertEqual(sent["internal_reference"], str(reference))
        self.assertEqual(sent["occurred_at"], "2026-11-21T14:02:09+00:00")
        self.assertEqual(sent["payload"], {"a": "\ufffd"})
        self.assertIn("-credit_grant-", server.requests[-1]["key"])

    def test_an_amount_is_sent_exactly_or_left_out_and_told(self):
        server, client = self.start(ACCEPT)

        def sent(amount):
            self.assertTrue(client.receipt(**RECEIPT, amount=amount))
            return self.sent(server).get("amount")

        amount = {"value": 4900, "currency": "USD"}
        self.assertEqual(sent({"value": 4900, "currency": " usd", "exponent": 2}), amount)
        self.assertIsNone(sent(None))
        self.assertEqual(client.logged, [])
        odd = [49, "49.00 USD", {}, [4900, "USD"]]
        odd += [{"value": value, "currency": "USD"} for value in (49.0, "4900", True, decimal.Decimal(4900))]
        for wrong in odd:
            self.assertIsNone(sent(wrong))
        self.assertEqual(sum("amount left out" in line for line in client.logged), len(odd))

    def test_ids_are_sent_without_white_space_around_them_and_empty_fields_not_at_all(self):
        server, client = self.start(ACCEPT)
        odd = {"effect_key": "", "shopify_shop_domain": " ", "replay_id": "", "error_code": "", "error_message": None}
        ids = {"provider_event_id": "\u00a0evt_1\n", "internal_reference": " user_456\u3000"}
        client.receipt(**{**RECEIPT, **odd, **ids})
        self.assertEqual(self.sent(server), RECEIPT)
        self.assertEqual(server.requests[-1]["key"], RECEIPT_KEY)
        client.result("success", event_id="ev_1", replay_id="")
        self.assertEqual(self.sent(server), {"event_id": "ev_1", "status": "success"})
        self.assertEqual(server.requests[-1]["key"], "result-ev_1-success")

    def test_an_exception_gives_error_code_and_error_message(self):
        class Silent(Exception):
            def __str__(self):
                raise ValueError

        server, client = self.start(ACCEPT)
        local = f"{__name__}.{type(self).__name__}"
        cases = [
            (ValueError("x is none"), "ValueError", "x is none"),
            (ValueError(), "ValueError", "ValueError()"),
            (subprocess.SubprocessError("no"), "subprocess.SubprocessError", "no"),
            (Silent(), f"{local}.{self._testMethodName}.<locals>.Silent", None),
            ("card declined", None, "card declined"),
            (b"card declined", None, "card declined"),
            ({"reason": "no"}, None, {"reason": "no"}),
            (None, None, None),
        ]
        for error, code, message in cases:
            self.assertTrue(client.result("failed", **EVENT, error=error))
            sent = self.sent(server)
            self.assertEqual((sent.get("error_code"), sent.get("error_message")), (code, message))
            self.assertNotIn("error", sent)
        client.result("failed", **EVENT, error=ValueError("no"), error_code="card_declined")
        self.assertEqual(self.sent(server)["error_code"], "card_declined")

    def test_no_value_of_an_error_costs_its_report(self):
        class Mute:
            def __str__(self):
                raise NotImplementedError

        server, client = self.start(ACCEPT)
        circle, moment = [], datetime.datetime(2026, 11, 21)
        circle.append(circle)
        mute = f"{__name__}.{type(self).__name__}.{self._testMethodName}.<locals>.Mute"
        cases = [
            (float("nan"), "nan"),
            ({"at": moment}, "{'at': datetime.datetime(2026, 11, 21, 0, 0)}"),
            ({"raw": b"x"}, "{'raw': b'x'}"),
            ({(1, 2): "x"}, "{(1, 2): 'x'}"),
            (b"caf\xc3\xa9", "café"),
            (circle, "[[...]]"),
            (Mute(), mute),
            ([Mute()], None),
            (10**5000, None),
            ({"code": 7}, {"code": 7}),
        ]
        for value, text in cases:
            for name in ("error_message", "error_code", "error"):
                self.assertTrue(client.result("failed", **EVENT, **{name: value}))
                sent = self.sent(server)["error_message" if name == "error" else name]
                self.assertEqual(sent, text if text else sent)
        self.assertTrue(client.result("failed", **EVENT, error_message=object()))
        self.assertRegex(self.sent(server)["error_message"], "^<object object")
        self.assertTrue(client.result("failed", **EVENT, effect_key=Mute()))
        self.assertNotIn("effect_key", self.sent(server))
        self.assertIn(f"sendpromptly: effect_key left out: its value ({mute}) has no text", client.logged)

    def test_ids_that_are_numbers_are_sent_as_texts_with_all_their_digits(self):
        server, client = self.start(ACCEPT)
        cases = [(820982911946154508, "820982911946154508"), (2**70, str(2**70)), (456.0, "456"), (0, "0")]
        for given, text in cases:
            names = ("provider_event_id", "internal_reference", "effect_key")
            client.receipt(**{**RECEIPT, **dict.fromkeys(names, given)})
            self.assertEqual([self.sent(server)[name] for name in names], [text] * 3)
        client.result("success", event_id=820982911946154508)
        self.assertEqual(self.sent(server)["event_id"], "820982911946154508")
        self.assertEqual(client.logged, [])
        client.receipt(**{**RECEIPT, "internal_reference": 820982911946154508.0})
        self.assertEqual(self.sent(server)["internal_reference"], "820982911946154496")
        self.assertRegex(client.logged[0], "internal_reference is a float, which has lost digits of the id")

    def test_times_are_sent_as_the_server_takes_them(self):
        server, client = self.start(ACCEPT)
        zone = datetime.timezone(datetime.timedelta(hours=-3))
        cases = [
            (1795269729.5, 1795269729.5),
            (decimal.Decimal("1795269729.25"), 1795269729.25),
            (decimal.Decimal("1795269729"), 1795269729),
            (fractions.Fraction(3590539459, 2), 1795269729.5),
            (datetime.datetime(2026, 11, 21, 14, 2, 9, tzinfo=zone), "2026-11-21T14:02:09-03:00"),
            (float("nan"), "nan"),
        ]
        for given, sent in cases:
            self.assertTrue(client.receipt(**{**RECEIPT, "occurred_at": given, "timeout_minutes": decimal.Decimal(5)}))
            self.assertEqual(self.sent(server)["occurred_at"], sent)
            self.assertIn('"timeout_minutes":5', server.requests[-1]["body"])
        self.assertEqual(client.logged, [])
        naive = datetime.datetime(2026, 11, 21, 14, 2, 9)
        client.receipt(**{**RECEIPT, "occurred_at": naive})
        sent = datetime.datetime.fromisoformat(self.sent(server)["occurred_at"])
        self.assertEqual(sent, naive.astimezone())
        self.assertRegex(client.logged[0], "occurred_at has no zone, so this machine's is taken")

    def test_a_payload_that_cannot_be_kept_is_left_out_and_the_receipt_goes_out(self):
        server, client = self.start(ACCEPT)
        circle = {}
        circle["circle"] = circle
        for payload in [circle, {"what": object()}, {"nan": float("nan")}, {"text": "x" * 65_536}]:
            self.assertTrue(client.receipt(**RECEIPT, payload=payload))
            self.assertEqual(self.sent(server), RECEIPT)
        self.assertEqual(sum("payload left out" in line for line in client.logged), 4)
        client.receipt(**RECEIPT, payload={"text": "x" * 65_000})
        self.assertEqual(len(self.sent(server)["payload"]["text"]), 65_000)

    def keys_of(self, name):
        for case in json.loads((HERE.parent / "keys.json").read_text(encoding="utf-8"))[name]:
            yield case, idempotency_key(case["call"], {**case["fields"], "status": case.get("status")})

    def test_the_same_input_has_the_same_key_in_every_language(self):
        cases = list(self.keys_of("cases"))
        self.assertGreater(len(cases), 30)
        for case, key in cases:
            self.assertEqual(key, case["key"], case["name"])

    def test_no_two_events_share_a_key(self):
        keys = [key for _, key in self.keys_of("apart")]
        self.assertGreater(len(keys), 30)
        self.assertEqual(len(set(keys)), len(keys))
        # All that a few pieces can be put together to.
        names = ["provider", "provider_event_id", "event_type", "effect_type", "internal_reference", "effect_key"]
        events = [dict(zip(names, parts)) for parts in itertools.product(["", "a", "a-a", "stripe"], repeat=6)]
        seen = {idempotency_key("receipt", event) for event in events}
        seen |= {idempotency_key("result", {**event, "status": "success"}) for event in events}
        self.assertEqual(len(seen), 2 * len(events))

    def test_the_providers_test_events_which_share_an_id_have_keys_of_their_own(self):
        server, client = self.start(ACCEPT)

        def key_of(**fields):
            client.receipt(**{**RECEIPT, **fields})
            return server.requests[-1]["key"]

        tests = ["evt_00000000000000", "evt_00000000", "00000000", "00000000-0000-0000-0000-000000000000"]
        for one in tests:
            first, second = key_of(provider_event_id=one), key_of(provider_event_id=one)
            self.assertNotEqual(first, second, one)
            self.assertRegex(first, rf"^receipt-{one}-invoice.paid-credit_grant-\w{{32}}-\w{{8}}$")
        self.assertRegex(key_of(provider_event_id=None, stripe_event_id=tests[0]), r"-\w{32}-\w{8}$")
        for one in ["evt_0", "evt_0000000", "0", "--------", "evt_00000000000001", "ev_00000000"]:
            self.assertRegex(key_of(provider_event_id=one), r"-credit_grant-\w{32}$")

    def test_nothing_raises_and_the_key_stays_secret(self):
        class Bad:
            def __str__(self):
                raise ValueError("no")

        server, client = self.start(answer(401, {"error": {"code": "unauthorized"}}))
        keyless = self.client(server.url, key="")
        self.assertIsNone(keyless.receipt(**RECEIPT))
        self.assertRegex(keyless.logged[0], "SENDPROMPTLY_KEY is not set")
        self.assertFalse(os.path.exists(keyless.spool), "it makes no folder")
        for fields in [{}, {"provider": Bad()}, {"provider": float("nan")}, {"provider": {1, 2}}]:
            self.assertIsNone(client.receipt(**fields))
            self.assertIsNone(client.result(None, **fields))
        loud = self.client(server.url, log=lambda line: 1 / 0)
        self.assertIsNone(loud.receipt(**RECEIPT))
        self.assertNotIn(KEY, f"{client.logged} {client!r}")


class Repairs(Case):
    def work_on(self, client, given, work):
        """Has a repair done, and waits for its end."""
        before = set(threading.enumerate())
        status, text = client.repair(*given, work)
        for thread in set(threading.enumerate()) - before:
            if not thread.daemon:
                thread.join()
        return status, text

    def fail_if_called(self, order):
        self.fail("nothing is worked on")

    def test_verify_gives_the_order_of_what_is_genuine_and_none_for_the_rest(self):
        _, client = self.start(ACCEPT)
        other = bytes([9]) * 32
        headers, body = callback(ORDER)
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        lower = {name.lower(): value for name, value in headers.items()}
        for given in [headers, environ, lower]:
            self.assertEqual(client.verify(given, body), ORDER)
        for same in [body.decode(), bytearray(body), memoryview(body)]:
            self.assertEqual(client.verify(headers, same), ORDER)
        self.assertEqual(client.verify(*callback(ORDER, secrets=[other, SECRET_BYTES])), ORDER, "rotated")
        self.assertEqual(client.verify(*callback(ORDER, age=299)), ORDER)
        mac, timestamp = headers["X-SP-Signature"], headers["X-SP-Timestamp"]
        bad = {
            "another secret": callback(ORDER, secrets=[other]),
            "another body": (headers, body + b" "),
            "too old": callback(ORDER, age=302),
            "from the future": callback(ORDER, age=-302),
            "a dot in the nonce": callback(ORDER, nonce="a.b"),
            "an empty nonce": callback(ORDER, nonce=""),
            "no signature": ({**headers, "X-SP-Signature": None}, body),
            "no timestamp": ({**headers, "X-SP-Timestamp": None}, body),
            "no headers": ({}, body),
            "no v1": ({**headers, "X-SP-Signature": mac[3:]}, body),
            "a signature that is no ASCII": ({**headers, "X-SP-Signature": "v1=é\ud800"}, body),
            "a timestamp with more": ({**headers, "X-SP-Timestamp": f"{timestamp}.0"}, body),
            "a timestamp in other digits": ({**headers, "X-SP-Timestamp": "١٢٣"}, body),
        }
        for what, given in bad.items():
            self.assertIsNone(client.verify(*given), what)

    def test_verify_tells_a_developer_what_is_missing(self):
        server, client = self.start(ACCEPT)
        for body in [ORDER, {}, None, [1]]:
            with self.assertRaisesRegex(TypeError, "the raw body is needed, before any parser.*get_data"):
                client.verify(callback(ORDER)[0], body)
        for secret in ["", "whsec_"]:
            bare = self.client(server.url, secret=secret)
            with self.assertRaisesRegex(ValueError, "SENDPROMPTLY_SECRET is not set"):
                bare.verify(*callback(ORDER, secrets=[b""]))

    def test_a_repair_is_answered_worked_on_once_and_reported(self):
        server, client = self.start(ACCEPT)
        orders = []
        self.assertEqual(self.work_on(client, callback(ORDER), orders.append), (202, "accepted"))
        self.assertEqual(self.work_on(client, callback(ORDER), orders.append), (202, "taken before"))
        self.assertEqual(orders, [ORDER])
        [result] = server.requests
        self.assertEqual(result["key"], "result-ev_1-success-rpl_1")
        sent = {"status": "success", "event_id": "ev_1", "replay_id": "rpl_1"}
        self.assertEqual(json.loads(result["body"]), sent)

    def test_it_is_answered_before_the_work_ends_and_twice_at_once_is_worked_on_once(self):
        server, client = self.start(ACCEPT)
        finish, count = threading.Event(), []

        def work(order):
            count.append(order)
            finish.wait()
            return "superseded"

        self.addCleanup(finish.set)
        answers = [client.repair(*callback(ORDER), work)[0] for _ in range(2)]
        self.assertEqual(answers, [202, 202])
        finish.set()
        self.until("a result", lambda: server.requests)
        self.assertEqual(json.loads(server.requests[0]["body"])["status"], "superseded")
        self.assertEqual(len(count), 1)

    def test_whatever_work_gives_back_it_succeeded(self):
        class Table:
            def __eq__(self, other):
                raise ValueError("the truth value is ambiguous")

        server, client = self.start(ACCEPT)
        self.work_on(client, callback(ORDER), lambda order: Table())
        self.assertEqual(json.loads(server.requests[0]["body"])["status"], "success")

    def test_work_that_fails_is_reported_and_can_be_asked_for_again(self):
        server, client = self.start(ACCEPT)

        def failing(order):
            raise LookupError("no credits")

        self.work_on(client, callback(ORDER), failing)
        self.work_on(client, callback(ORDER), lambda order: sys.exit(3))
        self.work_on(client, callback(ORDER), lambda order: None)
        first, second, third = [json.loads(one["body"]) for one in server.requests]
        ids = {"event_id": "ev_1", "replay_id": "rpl_1"}
        failed = {**ids, "status": "failed"}
        self.assertEqual(first, {**failed, "error_code": "LookupError", "error_message": "no credits"})
        self.assertEqual(second, {**failed, "error_code": "SystemExit", "error_message": "3"})
        self.assertEqual(third, {**ids, "status": "success"})

    def test_work_for_which_no_thread_can_start_is_done_when_it_is_asked_for_again(self):
        _, client = self.start(ACCEPT)
        with mock.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread")):
            answer = client.repair(*callback(ORDER), self.fail_if_called)
        self.assertEqual(answer, (500, "can't start new thread"))
        self.assertEqual(self.work_on(client, callback(ORDER), lambda order: None), (202, "accepted"))

    def test_work_that_a_dead_process_left_is_done_again_after_an_hour_but_finished_work_is_not(self):
        _, client = self.start(ACCEPT)
        seen = pathlib.Path(client.spool, "seen")
        seen.mkdir(parents=True)
        claim = seen / f"replay-{hashlib.sha256(b'rpl_1').hexdigest()}"
        claim.touch()
        self.assertEqual(client.repair(*callback(ORDER), self.fail_if_called), (202, "taken before"))
        then = time.time() - 61
        os.utime(claim, (then, then))
        held = []

        def work(order):
            held.append(claim.stat().st_mtime - time.time())

        self.assertEqual(self.work_on(client, callback(ORDER), work), (202, "accepted"))
        self.assertAlmostEqual(held[0], 3600, delta=10)
        self.assertGreater(claim.stat().st_mtime, time.time() + 29 * 24 * 3600)

    def test_every_way_of_repair_to_say_no(self):
        server, client = self.start(ACCEPT)
        work = self.fail_if_called
        probe = callback({"type": "probe", "replay_id": "rpl_1"})
        self.assertEqual(client.repair(*probe, work), (200, "probe"))
        self.assertEqual(client.repair(*probe, work), (409, "nonce seen before"))
        neighbour = self.client(server.url, spool=client.spool)  # what one has seen, the other has too
        self.assertEqual(neighbour.repair(*probe, work), (409, "nonce seen before"))
        cases = [
            (callback(ORDER, age=600), 401, "stale timestamp"),
            (callback(ORDER, nonce="a.b"), 401, "bad nonce"),
            (callback(ORDER, secrets=[bytes(32)]), 401, "bad signature"),
            (({}, b"{}"), 401, "no timestamp"),
            (callback({**ORDER, "type": "other"}), 422, "unknown type"),
        ]
        for given, status, text in cases:
            self.assertEqual(client.repair(*given, work), (status, text))
        status, text = client.repair(callback(ORDER)[0], ORDER, work)
        self.assertEqual(status, 500)
        self.assertRegex(text, "the raw body is needed, before any parser")
        keyless = self.client(server.url, key="")
        self.assertEqual(keyless.repair(*callback(ORDER), work), (500, "SENDPROMPTLY_KEY is not set"))

    def test_what_was_seen_can_be_kept_in_a_table_that_machines_share(self):
        table = {}

        def claim(name, seconds):
            return name not in table and bool(table.setdefault(name, seconds))

        shared = {"claim": claim, "extend": table.__setitem__, "release": table.pop}
        server, one = self.start(ACCEPT, **shared)
        two = self.client(server.url, **shared)
        self.work_on(one, callback(ORDER), lambda order: None)
        self.assertEqual(two.repair(*callback(ORDER), self.fail_if_called), (202, "taken before"))
        self.assertEqual(list(table.values()), [600, 30 * 24 * 3600, 600])


if __name__ == "__main__":
    unittest.main()
