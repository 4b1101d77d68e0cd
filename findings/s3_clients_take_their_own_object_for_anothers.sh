#!/usr/bin/env bash
# botocore 1.44.8 (PyPI), @aws-sdk/client-s3 3.1175.0 (npm), Python 3.11, Node 20, against a server of a few lines.
#
# PutObject with If-None-Match: * is how one of several writers makes an object, a lock or a day's export, once. The server stores it and the
# connection is lost before its answer, as in any deploy of a proxy. Both clients of AWS send the same request again, without
# being asked to, and what they are answered now is true: there is an object. They raise PreconditionFailed, which an app
# reads as "another one was first", and who wrote it backs off: no one goes on. That there was a second request is said in
# the metadata alone (RetryAttempts, attempts). Without retries the app learns that it does not know. With them it must read the
# object, and find a mark of its own in it, before it believes a 412.
#
# Seen (what the app gets, how many requests the server had, whose object there is):
#   botocore, legacy: PreconditionFailed, RetryAttempts 1, 2 requests, ours
#   botocore, standard: PreconditionFailed, RetryAttempts 1, 2 requests, ours
#   botocore, total_max_attempts 1: ConnectionClosedError, 1 requests, ours
#   client-s3: PreconditionFailed, attempts 2, 2 requests, ours
#   client-s3, maxAttempts 1: TimeoutError, attempts 1, 1 requests, ours
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check botocore==1.44.8
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @aws-sdk/client-s3@3.1175.0 >/dev/null
cat >node.cjs <<'NODE'
const { S3Client, PutObjectCommand } = require("@aws-sdk/client-s3");
const [endpoint, maxAttempts] = process.argv.slice(2);
const client = new S3Client({
  endpoint, region: "eu-central-1", forcePathStyle: true, maxAttempts: Number(maxAttempts),
  credentials: { accessKeyId: "id", secretAccessKey: "secret" },
});
client.send(new PutObjectCommand({ Bucket: "exports", Key: "lock", Body: "ours", IfNoneMatch: "*" })).then(
  () => console.log("stored"),
  (error) => console.log(`${error.name}, attempts ${error.$metadata.attempts}`),
);
NODE
cat >run.py <<'PYTHON'
import http.server
import subprocess
import threading

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

TAKEN = b"<Error><Code>PreconditionFailed</Code><Message>There is an object.</Message><Condition>If-None-Match</Condition></Error>"


class Bucket(http.server.BaseHTTPRequestHandler):
    """Stores the first object and hangs up; answers as S3 does from then on."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests += 1
        if self.server.stored is None and self.headers["if-none-match"] == "*":
            self.server.stored = body
            self.close_connection = True
            return
        self.send_response(412)
        self.send_header("content-type", "application/xml")
        self.send_header("content-length", str(len(TAKEN)))
        self.end_headers()
        self.wfile.write(TAKEN)

    def log_message(self, *_):
        pass


def serve(name, put):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    server.daemon_threads, server.requests, server.stored = True, 0, None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outcome = put(f"http://127.0.0.1:{server.server_port}")
    print(f"{name}: {outcome}, {server.requests} requests, {'ours' if b'ours' in server.stored else 'none'}")
    server.shutdown()


def by_botocore(retries):
    def put(endpoint):
        client = botocore.session.Session().create_client(
            "s3", endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="id", aws_secret_access_key="secret",
            config=Config(retries=retries, s3={"addressing_style": "path"}))
        try:
            client.put_object(Bucket="exports", Key="lock", Body=b"ours", IfNoneMatch="*")
        except ClientError as error:
            return f"{error.response['Error']['Code']}, RetryAttempts {error.response['ResponseMetadata']['RetryAttempts']}"
        except BotoCoreError as error:
            return type(error).__name__
        return "stored"
    return put


def by_node(attempts):
    def put(endpoint):
        run = ["node", "--no-warnings", "node.cjs", endpoint, str(attempts)]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    return put


serve("botocore, legacy", by_botocore({"mode": "legacy"}))
serve("botocore, standard", by_botocore({"mode": "standard"}))
serve("botocore, total_max_attempts 1", by_botocore({"total_max_attempts": 1}))
serve("client-s3", by_node(3))
serve("client-s3, maxAttempts 1", by_node(1))
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
