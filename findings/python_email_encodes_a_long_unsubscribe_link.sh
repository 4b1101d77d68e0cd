#!/usr/bin/env bash
# email.message.EmailMessage of Python 3.11 (its standard library), mailparser 3.14.2 (npm), Node 20.
#
# EmailMessage folds a header that is longer than 78 characters. Where there is no space to fold at, as in a link with a token or a long
# Message-ID, it writes encoded words (=?utf-8?q?…?=), also in headers that are not text, where RFC 2047 (section 5) forbids them:
# List-Unsubscribe, In-Reply-To, References. A reader need not decode them there, and mailparser finds no link, which is what the
# button to unsubscribe (RFC 8058) needs. With a short token all is well, and Python itself decodes what it wrote, so a test in
# Python sees nothing. Message-ID alone is kept. With max_line_length=998 in the policy the others are kept up to that length.
#
# Seen (as sent; what mailparser makes of it):
#   short link: <https://app.example.com/u?t=…>; url
#   long link: =?utf-8?q?=3Chttps=3A//ap…; no url
#   long Message-ID: <…>
#   long In-Reply-To: =?utf-8?q?=3C…
#   long References: =?utf-8?q?=3C…
#   long link, read by Python: the link
#   long link, max_line_length=998: <https://app.example.com/u?t=…>; url
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" mailparser@3.14.2 >/dev/null
cat >node.cjs <<'NODE'
require("mailparser").simpleParser(require("fs").readFileSync(0)).then((mail) => {
  console.log(mail.headers.get("list")?.unsubscribe?.url ? "url" : "no url");
});
NODE
cat >run.py <<'PYTHON'
import re
import subprocess
from email import message_from_bytes, policy
from email.message import EmailMessage

LONG = policy.SMTP.clone(max_line_length=998)


def write(headers, how=policy.SMTP):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "alerts@example.com", "bob@example.com", "An effect is missing"
    for name, value in headers.items():
        mail[name] = value
    mail.set_content("See the console.")
    return mail.as_bytes(policy=how)


def sent(mail, name):
    return re.search(rb"^" + name.encode() + rb": (.*)", mail, re.M)[1].decode().strip()


def parsed(mail):
    return subprocess.run(["node", "node.cjs"], input=mail, capture_output=True, check=True).stdout.decode().strip()


def link(size):
    return f"<https://app.example.com/u?t={'t' * size}>"


short, long = write({"List-Unsubscribe": link(8)}), write({"List-Unsubscribe": link(64)})
unfolded = write({"List-Unsubscribe": link(64)}, LONG)
print("short link:", re.sub("t{8,}", "…", sent(short, "List-Unsubscribe")) + ";", parsed(short))
print("long link:", sent(long, "List-Unsubscribe")[:25] + "…;", parsed(long))
id = f"<{'a' * 48}@mail.notifications.eu-central-1.example.com>"
mail = write({"Message-ID": id, "In-Reply-To": id, "References": id})
for name in ("Message-ID", "In-Reply-To", "References"):
    print(f"long {name}:", "<…>" if sent(mail, name) == id else sent(mail, name)[:13] + "…")
back = message_from_bytes(long, policy=policy.default)["List-Unsubscribe"]
print("long link, read by Python:", "the link" if back == link(64) else back)
print("long link, max_line_length=998:", re.sub("t{8,}", "…", sent(unfolded, "List-Unsubscribe")) + ";", parsed(unfolded))
PYTHON
python3 run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
