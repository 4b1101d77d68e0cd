"""The shop's ledger, a table in a file: what was paid for, and when its credits were granted.

Stands for the database that your app has. `python3 ledger.py paid evt_1 user_456 500` does what a webhook handler
does when it takes a payment, `python3 ledger.py granted evt_1 user_456` what it does next, unless it fails to.
"""

import os
import sqlite3
import sys
from contextlib import closing

TABLE = """CREATE TABLE IF NOT EXISTS payments (
    payment TEXT, customer TEXT, credits INTEGER NOT NULL, granted_at TEXT, granted_by TEXT,
    PRIMARY KEY (payment, customer)
)"""


def connect():
    # Autocommit: each statement below is a whole step. A lock is waited for, but no longer than an attempt may last.
    connection = sqlite3.connect(os.environ.get("LEDGER", "ledger.sqlite"), timeout=5, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute(TABLE)
    return closing(connection)


def paid(payment, customer, credits):
    """Takes a payment; the same one again changes nothing."""
    with connect() as ledger:
        ledger.execute(
            "INSERT INTO payments (payment, customer, credits) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (payment, customer, int(credits)),
        )


def find(payment, customer):
    with connect() as ledger:
        query = "SELECT * FROM payments WHERE payment = ? AND customer = ?"
        return ledger.execute(query, (payment, customer)).fetchone()


def granted(payment, customer, granted_by="webhook"):
    """Grants a payment's credits at most once, whoever asks and however often; gives its row."""
    with connect() as ledger:
        ledger.execute(
            "UPDATE payments SET granted_at = strftime('%Y-%m-%dT%H:%M:%fZ'), granted_by = ? "
            "WHERE payment = ? AND customer = ? AND granted_at IS NULL",
            (granted_by, payment, customer),
        )
    return find(payment, customer)


if __name__ == "__main__":
    commands = {"paid": paid, "granted": granted, "find": find}
    if len(sys.argv) < 4 or sys.argv[1] not in commands:
        sys.exit("usage: ledger.py paid PAYMENT CUSTOMER CREDITS | granted PAYMENT CUSTOMER | find PAYMENT CUSTOMER")
    commands[sys.argv[1]](*sys.argv[2:])
    row = find(*sys.argv[2:4])
    print(dict(row) if row else "-")
