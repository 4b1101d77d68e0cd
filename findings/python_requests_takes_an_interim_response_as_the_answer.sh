#!/usr/bin/env bash
# requests 2.32.5 on urllib3 2.5.0, httpx 0.28.1 (PyPI), Python 3.11.
#
# A server or a proxy may send interim responses (102 Processing, 103 Early Hints) before the one that counts, and a
# client must be able to read past them (RFC 9110, section 15.2). Python's http.client reads past 100 only. What stands on it,
# such as requests, takes a 102 or 103 as the response: the body is empty, `ok` is true, raise_for_status() is silent, and
# the 500 that follows is never read. A call that failed thus looks as if it had been taken. httpx reads on.
#
# Seen:
#   requests, 100 then 500: 500 ok=False
#   requests, 102 then 500: 102 ok=True
#   requests, 103 then 500: 103 ok=True
#   requests, 103 then 200: 103 body=''
#   httpx, 103 then 500: 500
#   httpx, 103 then 200: 200 body='taken'
set -euo pipefail
here=$PWD/$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check requests==2.32.5 urllib3==2.5.0 httpx==0.28.1
cat >run.py <<'PYTHON'
import socket
import threading

import httpx
import requests


def serve(*responses):
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall("".join(responses).encode())
        connection.close()
        listener.close()

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


GO_ON = "HTTP/1.1 100 Continue\r\n\r\n"
BUSY = "HTTP/1.1 102 Processing\r\n\r\n"
HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"
FAILED = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
TAKEN = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken"

for name, interim in (("100", GO_ON), ("102", BUSY), ("103", HINTS)):
    response = requests.post(serve(interim, FAILED), data=b"{}")
    print(f"requests, {name} then 500: {response.status_code} ok={response.ok}")
response = requests.post(serve(HINTS, TAKEN), data=b"{}")
print(f"requests, 103 then 200: {response.status_code} body={response.text!r}")
print(f"httpx, 103 then 500: {httpx.post(serve(HINTS, FAILED), content=b'{}').status_code}")
response = httpx.post(serve(HINTS, TAKEN), content=b"{}")
print(f"httpx, 103 then 200: {response.status_code} body={response.text!r}")
PYTHON
venv/bin/python run.py >seen
sed -n 's/^#   //p' "$here/$(basename "$0")" | diff - seen && echo "as described"
