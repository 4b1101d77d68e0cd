#!/usr/bin/env bash
# Prometheus 2.42.0 (Debian 12: prometheus 2.42.0+ds-5+deb12u1): promtool.
#
# A label of an alerting rule may be a template, and {{ $value }} in it shows how many wait. Labels are what an alert is known by: at each
# evaluation with another value it is another alert, which begins its `for` anew. So the longer the queue grows, the less it is told: it is
# pending for ever. A value that moves more rarely than `for` fires, as a new alert for each value: one incident is six pages, and six are
# resolved. `check rules` has no objection, and `test rules` with a series that stands still, which is how one writes such a test, is
# green. In the annotations the same template is harmless.
#
# Seen (for: 5m, evaluated each minute; what is after an hour, and how many alerts have fired until then):
#   in a label, value stands still: firing, 1 fired
#   in a label, value grows each minute: pending, 0 fired
#   in a label, value grows every ten minutes: pending, 6 fired
#   in an annotation, value stands still: firing, 1 fired
#   in an annotation, value grows each minute: firing, 1 fired
#   in an annotation, value grows every ten minutes: firing, 1 fired
#   check rules: SUCCESS: 1 rules found
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
package=prometheus=2.42.0+ds-5+deb12u1
apt-get download "$package" >/dev/null 2>&1 || { apt-get update >/dev/null && apt-get download "$package" >/dev/null; }
dpkg-deb -x prometheus_*.deb prometheus
promtool=prometheus/usr/bin/promtool
rules() {
    cat <<YAML
groups:
  - name: shop
    rules:
      - {alert: PaymentsWait, expr: payments_waiting > 10, for: 5m, $1: {waiting: "{{ \$value }}"}}
YAML
}
# Whether an expression has that value after an hour.
is() {
    cat >test.yml <<YAML
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: payments_waiting, values: '$1'}]
    promql_expr_test: [{expr: '$2', eval_time: 60m, exp_samples: [{value: $3}]}]
YAML
    "$promtool" test rules test.yml >/dev/null 2>&1
}
one() {
    local now=nothing fired=unknown n
    for state in pending firing; do
        if is "$2" "count(ALERTS{alertstate=\"$state\"})" 1; then now=$state; fi
    done
    for n in 0 1 2 3 4 5 6 7 8 9; do
        if is "$2" "count(count_over_time(ALERTS{alertstate=\"firing\"}[1h])) or vector(0)" "$n"; then fired=$n; fi
    done
    echo "$1: $now, $fired fired"
}
rarely=$(for n in 20 21 22 23 24 25 26; do printf '%sx9 ' "$n"; done)
{
    for place in labels annotations; do
        rules "$place" >rules.yml
        name=$([ "$place" = labels ] && echo "in a label" || echo "in an annotation")
        one "$name, value stands still" "20x70"
        one "$name, value grows each minute" "20+1x70"
        one "$name, value grows every ten minutes" "$rarely"
    done
    rules labels >rules.yml
    echo "check rules: $("$promtool" check rules rules.yml | sed -n 's/^ *\(SUCCESS.*\)/\1/p')"
} >seen
cat seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
