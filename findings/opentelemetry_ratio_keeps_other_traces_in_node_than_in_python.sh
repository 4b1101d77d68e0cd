#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 (PyPI), @opentelemetry/sdk-trace-base 2.12.1 with @opentelemetry/api 1.9.1 (npm), Python 3.11, Node 20.
#
# TraceIdRatioBased decides by the trace's id, so that every service that asks for the same ratio keeps the same traces, without
# being told by a parent (OTEL_TRACES_SAMPLER=traceidratio). That holds within a language. Python looks at the lower 64 bits of the
# id, Node at a XOR of its four quarters: what one keeps says nothing of what the other keeps. With a tenth in both, not a tenth
# of the traces is whole but a hundredth, and most of what is kept has a hole where the other language is. In each language
# alone the share is right, so no count shows it. Only parentbased_traceidratio keeps traces whole between the two.
#
# Seen (of 10,000 random ids):
#   ratio 0.1: python keeps 956, node 991, both 102
#   ratio 0.5: python keeps 4980, node 5027, both 2466
#   a second python with 0.5 keeps of the 956 of 0.1: 956
#   a second node with 0.5 keeps of the 991 of 0.1: 991
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
    @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/api@1.9.1 >/dev/null
cat >node.cjs <<'NODE'
const { TraceIdRatioBasedSampler, SamplingDecision } = require("@opentelemetry/sdk-trace-base");
const [ratio] = process.argv.slice(2);
const sampler = new TraceIdRatioBasedSampler(Number(ratio));
const ids = require("fs").readFileSync(0, "utf8").trim().split("\n");
console.log(ids.filter((id) => sampler.shouldSample({}, id).decision === SamplingDecision.RECORD_AND_SAMPLED).join("\n"));
NODE
cat >run.py <<'PYTHON'
import random
import subprocess

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

draw = random.Random(1)
ids = [f"{draw.getrandbits(128):032x}" for _ in range(10_000)]


def python(ratio):
    sampler = TraceIdRatioBased(ratio)
    return {id for id in ids if sampler.should_sample(None, int(id, 16), "paid").decision.is_sampled()}


def node(ratio):
    run = ["node", "node.cjs", str(ratio)]
    return set(subprocess.run(run, input="\n".join(ids), capture_output=True, text=True, check=True).stdout.split())


for ratio in (0.1, 0.5):
    a, b = python(ratio), node(ratio)
    print(f"ratio {ratio}: python keeps {len(a)}, node {len(b)}, both {len(a & b)}")
for name, keeps in (("python", python), ("node", node)):
    few = keeps(0.1)
    print(f"a second {name} with 0.5 keeps of the {len(few)} of 0.1: {len(few & keeps(0.5))}")
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
