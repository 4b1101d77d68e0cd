#!/usr/bin/env bash
# requests 2.32.5 on urllib3 2.5.0 (PyPI), Python 3.11.
#
# Of HTTPAdapter(max_retries=1) requests says: "this applies only to failed DNS lookups, socket connections and connection timeouts,
# never to requests where data has made it to the server". That is so for POST alone. A PUT or another method that is idempotent,
# whose answer is late or lost, is sent again, and after a 503 with Retry-After too: the call sleeps as long as the server says,
# whatever its timeout is, and holds its thread and what it locked. A read that ran into its time is a ConnectionError then, not the
# ReadTimeout that an app catches. With max_retries=0, the default, all of it is as one thinks. Retry(connect=1, read=0, status=0,
# other=0, redirect=0, respect_retry_after_header=False) sends as it is written, with a ConnectionError all the same.
#
# Seen (how often the server read the request; what the call ended with, and when; timeout=1):
#   max_retries=0, PUT /busy: read 1, 503, before 3 s
#   max_retries=0, PUT /lost: read 1, ConnectionError, before 3 s
#   max_retries=0, PUT /late: read 1, ReadTimeout, before 3 s
#   max_retries=1, PUT /busy: read 2, 503, after 3 s
#   max_retries=1, PUT /lost: read 2, ConnectionError, before 3 s
#   max_retries=1, PUT /late: read 2, ConnectionError, before 3 s
#   as it is written, PUT /busy: read 1, 503, before 3 s
#   as it is written, PUT /lost: read 1, ConnectionError, before 3 s
#   as it is written, PUT /late: read 1, ConnectionError, before 3 s
#   max_retries=1, POST /busy: read 1, 503, before 3 s
#   max_retries=1, POST /lost: read 1, ConnectionError, before 3 s
#   max_retries=1, POST /late: read 1, ReadTimeout, before 3 s
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check requests==2.32.5 urllib3==2.5.0
cat >run.py <<'PYTHON'
import http.server
import threading
import time

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

AS_WRITTEN = Retry(connect=1, read=0, status=0, other=0, redirect=0, respect_retry_after_header=False)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Reads the request; then answers 503, hangs up, or waits before it hangs up."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.read += 1
        if self.path == "/busy":
            self.send_response(503)
            self.send_header("retry-after", "3")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        if self.path == "/late":
            time.sleep(1.5)
        self.close_connection = True

    do_POST = do_PUT

    def log_message(self, *_):
        pass


def show(name, retries, method, path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads, server.read = True, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retries))
        try:
            result = session.request(method, f"http://127.0.0.1:{server.server_port}{path}", data="{}", timeout=1).status_code
        except requests.RequestException as error:
            result = type(error).__name__
    when = "after 3 s" if time.monotonic() - began > 2.9 else "before 3 s"
    print(f"{name}, {method} {path}: read {server.read}, {result}, {when}")
    server.shutdown()


for name, retries in (("max_retries=0", 0), ("max_retries=1", 1), ("as it is written", AS_WRITTEN)):
    for path in ("/busy", "/lost", "/late"):
        show(name, retries, "PUT", path)
for path in ("/busy", "/lost", "/late"):
    show("max_retries=1", 1, "POST", path)
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
