"""The repair endpoint, POST /repair, a WSGI app for any Python server. Standard library only, and
sendpromptly.py beside this file. Environment:
  SENDPROMPTLY_URL, SENDPROMPTLY_KEY, SENDPROMPTLY_SECRET=whsec_... and PORT
The signature is over the raw body, before any parser:
  Flask: status, text = client.repair(request.headers, request.get_data(), work); return text, status
  Django: the same with request.body
The work runs in a thread after the response, so uWSGI needs enable-threads = true.
"""
import os
from http import HTTPStatus

import sendpromptly

client = sendpromptly.Client()


def work(order):
    """Your work; the client reports its result. Look first whether it is done: doing it twice must do
    no harm. Return "superseded" if a newer event made it void, and raise if it fails."""
    print("granting", order["effect_type"], "to", order["internal_reference"], flush=True)


def app(environ, start_response):
    status, text = 404, ""
    if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", "/repair"):
        length = min(int(environ.get("CONTENT_LENGTH") or 0), 131_072)  # with a snapshot some 70 KiB
        status, text = client.repair(environ, environ["wsgi.input"].read(length), work)
    body = text.encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    make_server("127.0.0.1", int(os.environ.get("PORT", "9000")), app).serve_forever()
