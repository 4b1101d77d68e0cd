#!/usr/bin/env bash
# temporalio 1.35.0 (PyPI), @temporalio/envconfig and @temporalio/client 1.24.0 (npm).
#
# Both read Temporal's own environment (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE ...) into what a connection is
# made with. Where no address is set, Node's Connection goes to localhost:7233, as the `temporal` program
# does. In Python the same call is a TypeError before anything is tried, because the configuration then has
# no target_host at all, and with a namespace alone it still has none: a worker that ran beside a local
# server in one language does not start in the other.
#
# Seen:
#   python, nothing set: {}
#   python, a namespace: {'namespace': 'shop'}
#   python, connect: TypeError target_host
#   node, nothing set: {"connectionOptions":{}}
#   node, connect: localhost:7233
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check temporalio==1.35.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
  @temporalio/envconfig@1.24.0 @temporalio/client@1.24.0 >/dev/null
cat >run.py <<'PYTHON'
import asyncio, os
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

read = lambda: ClientConfig.load_client_connect_config(disable_file=True)
for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
    del os.environ[name]
print("python, nothing set:", read())
os.environ["TEMPORAL_NAMESPACE"] = "shop"
print("python, a namespace:", read())
try:
    asyncio.run(Client.connect(**read()))
except TypeError as error:
    print("python, connect: TypeError", "target_host" if "target_host" in str(error) else error)
PYTHON
cat >run.cjs <<'NODE'
const { loadClientConnectConfig } = require("@temporalio/envconfig");
const { Connection } = require("@temporalio/client");
const config = loadClientConnectConfig({ overrideEnvVars: {}, disableFile: true });
console.log("node, nothing set:", JSON.stringify(config));
console.log("node, connect:", Connection.lazy(config.connectionOptions).options.address);
NODE
{ python/bin/python run.py; node run.cjs; } >seen
sed -n 's/^#   //p' "$here/$(basename "$0")" | diff - seen && echo "as described"
