#!/usr/bin/env bash
# jsonschema 4.26.0, fastjsonschema 2.22.3, jsonschema-rs 0.61.2 (PyPI), ajv 8.20.0 (npm), Python 3.11, Node 20.
#
# "multipleOf": 0.01 is how an OpenAPI document says that an amount has at most two decimals. For Ajv and Python's jsonschema
# 4.35 is no multiple of 0.01, nor are 1363 others of the ten thousand prices up to 100.00: they divide in floating point and want a whole
# number. fastjsonschema and jsonschema-rs, and so what is built on them, take them all. So one document lets an order through at
# the gateway and has the service behind it answer 400, by its price, and a test with 9.99 and 19.95 sees nothing. Ajv has
# multipleOfPrecision for it. To read the numbers as Decimal does not help jsonschema while the schema's 0.01 is a float: it then
# raises instead. With the whole document read so, all is well; so it is with minor units, integers without a multipleOf.
#
# Seen (prices from 0.01 to 100.00 that are rejected, and the first of them):
#   jsonschema: 1363: 0.07, 0.14, 0.28, 0.29, 0.47
#   ajv: 1363: 0.07, 0.14, 0.28, 0.29, 0.47
#   fastjsonschema: 0
#   jsonschema-rs: 0
#   ajv, multipleOfPrecision 6: 0
#   jsonschema, the instance read with Decimal: TypeError
#   jsonschema, both read with Decimal: 0
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check jsonschema==4.26.0 fastjsonschema==2.22.3 jsonschema-rs==0.61.2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" ajv@8.20.0 >/dev/null
cat >node.cjs <<'NODE'
const Ajv = require("ajv");
const [options] = process.argv.slice(2);
const accepts = new Ajv(JSON.parse(options)).compile({ type: "number", multipleOf: 0.01 });
const prices = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(prices.filter((price) => !accepts(price))));
NODE
cat >run.py <<'PYTHON'
import json
import subprocess
from decimal import Decimal

import fastjsonschema
import jsonschema
import jsonschema_rs

SCHEMA = '{"type": "number", "multipleOf": 0.01}'
PRICES = "[" + ", ".join(f"{n // 100}.{n % 100:02}" for n in range(1, 10_001)) + "]"


def show(name, rejected):
    first = ": " + ", ".join(str(price) for price in rejected[:5]) if rejected else ""
    print(f"{name}: {len(rejected)}{first}")


def by(accepts, prices):
    return [price for price in prices if not accepts(price)]


def fast(price):
    try:
        fast_validate(price)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def ajv(options):
    run = ["node", "node.cjs", json.dumps(options)]
    return json.loads(subprocess.run(run, input=PRICES, capture_output=True, text=True, check=True).stdout)


schema, prices = json.loads(SCHEMA), json.loads(PRICES)
exact_schema, exact_prices = (json.loads(text, parse_float=Decimal) for text in (SCHEMA, PRICES))
fast_validate = fastjsonschema.compile(schema)
show("jsonschema", by(jsonschema.Draft202012Validator(schema).is_valid, prices))
show("ajv", ajv({}))
show("fastjsonschema", by(fast, prices))
show("jsonschema-rs", by(jsonschema_rs.validator_for(schema).is_valid, prices))
show("ajv, multipleOfPrecision 6", ajv({"multipleOfPrecision": 6}))
try:
    show("jsonschema, the instance read with Decimal", by(jsonschema.Draft202012Validator(schema).is_valid, exact_prices))
except TypeError as error:
    print("jsonschema, the instance read with Decimal:", type(error).__name__)
show("jsonschema, both read with Decimal", by(jsonschema.Draft202012Validator(exact_schema).is_valid, exact_prices))
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
