#!/usr/bin/env bash
# Django 5.2.19, aiosmtplib 5.1.3, aiosmtpd 1.4.6 (PyPI), smtplib of Python 3.11, nodemailer 10.6.1 (npm), Node 20.
#
# An alert goes to Alice and Bob, and the mail server refuses Bob (452, his mailbox is full). That is no error
# as long as one recipient is taken: smtplib and aiosmtplib return who was refused, nodemailer lists it in a promise that is kept. Django's
# send_mail drops that: it returns 1, "the number of successfully delivered messages"; a mail to Bob alone raises. So the
# person on call is not told, the app's record says sent, and no retry follows the 452, which asked for one. Where several must be
# told, each has a mail of their own, or what was refused is read.
#
# Seen (what the caller gets; who gets the mail):
#   smtplib: returns bob@example.com: 452; alice
#   aiosmtplib: returns bob@example.com: 452; alice
#   nodemailer: resolves, rejected: bob@example.com; alice
#   django, send_mail to both: returns 1; alice
#   django, send_mail to bob: SMTPRecipientsRefused; nobody
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check Django==5.2.19 aiosmtplib==5.1.3 aiosmtpd==1.4.6
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" nodemailer@10.6.1 >/dev/null
cat >node.cjs <<'NODE'
const mail = { from: "shop@example.com", to: ["alice@example.com", "bob@example.com"], subject: "stuck", text: "order 7" };
require("nodemailer")
  .createTransport({ host: "127.0.0.1", port: Number(process.argv[2]), secure: false, ignoreTLS: true })
  .sendMail(mail)
  .then((sent) => console.log(`resolves, rejected: ${sent.rejected}`), (error) => console.log(`rejects: ${error.message}`));
NODE
cat >run.py <<'PYTHON'
import asyncio
import smtplib
import socket
import subprocess
from email.message import EmailMessage

import aiosmtplib
from aiosmtpd.controller import Controller
from django.conf import settings
from django.core.mail import send_mail

BOTH = ["alice@example.com", "bob@example.com"]
taken = []


class FullMailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("bob"):
            return "452 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        taken.extend(address.split("@")[0] for address in envelope.rcpt_tos)
        return "250 OK"


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "shop@example.com", ", ".join(BOTH), "stuck"
mail.set_content("order 7")
settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=port)


def by_smtplib():
    with smtplib.SMTP("127.0.0.1", port) as server:
        refused = server.send_message(mail)
    return "returns " + ", ".join(f"{who}: {answer[0]}" for who, answer in refused.items())


def by_aiosmtplib():
    refused, _ = asyncio.run(aiosmtplib.send(mail, hostname="127.0.0.1", port=port))
    return "returns " + ", ".join(f"{who}: {answer.code}" for who, answer in refused.items())


def by_nodemailer():
    return subprocess.run(["node", "node.cjs", str(port)], capture_output=True, text=True, check=True).stdout.strip()


def by_django(to):
    return lambda: f"returns {send_mail('stuck', 'order 7', 'shop@example.com', to, fail_silently=False)}"


controller = Controller(FullMailbox(), hostname="127.0.0.1", port=port)
controller.start()
for name, send in (
        ("smtplib", by_smtplib), ("aiosmtplib", by_aiosmtplib), ("nodemailer", by_nodemailer),
        ("django, send_mail to both", by_django(BOTH)), ("django, send_mail to bob", by_django(BOTH[1:]))):
    taken.clear()
    try:
        outcome = send()
    except smtplib.SMTPException as error:
        outcome = type(error).__name__
    print(f"{name}: {outcome}; {', '.join(taken) or 'nobody'}")
controller.stop()
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
