#!/usr/bin/env python3
"""Rejects a statement that touches rows of projects and says neither whose nor which, and a look-up of a row that
somebody else's request names without asking whose it is.

`.sqlx` holds the text of every statement. One that touches a table with rows of a project has to compare the
project with a parameter, or name its rows by an id that a row handed on: ids are random, and one from outside is
looked up within its project before anything else (`tests/it/isolation.rs` tries each path with those of another
project). What goes over all projects on purpose is listed here, by how it reads, with the reason; a line that fits
nothing any more is rejected too.

A function of the store that finds a row by its id alone serves workers, who have ids from rows. Where a route or a page
calls one, the project of what it finds is compared right there.
"""

import json
import pathlib
import re
import sys

STATEMENTS = pathlib.Path(".sqlx")
MIGRATIONS = pathlib.Path("migrations")

# A table with one of these columns has rows of projects.
OWNERS = "project_id|event_id|incident_id|destination_id|extension_id|replay_id|bulk_id|erasure_id"
# What names rows: their ids, those of what they belong to, and hashes of secrets that only their owner has.
NAMES = rf"id|set_id|cause|cause_thread_id|entry_id|told_by|hash|token_hash|{OWNERS}"
# What statements call the lists that they are given.
LISTS = "(?:wanted|failed|success)"
CURE = (
    "Compare project_id with a parameter, or name the rows by an id of a row that was looked up within its project. "
    "If it is right to go over all projects, OVER_ALL in scripts/check_isolation.py says why."
)

OVER_ALL = {
    "workers take what is due next, whoever's it is": [
        r"^WITH urgent AS \( SELECT event_id FROM outbox",
        r"^UPDATE outbox SET parked_at = NULL",
        r"^WITH failed AS \( SELECT o\.id, f\.error, .* FROM unnest",
        r"^UPDATE bulk_reprocesses (b )?SET dispatch_at = now\(\)",
        r"^UPDATE mentions m SET attempts = attempts \+ 1, due_at",
        r"^UPDATE erased_watches w SET next_attempt_at",
        r"^SELECT event_id FROM policy_plans WHERE due_at <= now\(\)",
        r"^SELECT d\.id FROM destinations d WHERE EXISTS \( SELECT FROM alerts a",
        r"^SELECT e\.id, e\.project_id, e\.customer, .* FROM erasures e WHERE e\.state <> 'done' AND e\.stepped_at <",
        r"^SELECT t\.id, t\.project_id, .* FROM cause_threads t WHERE t\.ended_at IS NULL AND true$",
        r"^SELECT id, destination_id, project_id FROM alert_holds WHERE ended_at IS NULL$",
        r"^SELECT project_id FROM alert_rules WHERE remind_every IS NOT NULL",
        r"^SELECT DISTINCT project_id FROM snoozes WHERE ended_at IS NULL$",
        r"^UPDATE snoozes s SET ended_at = now\(\), ended_by = ended\.ended_by",
        r"^SELECT id FROM projects WHERE expected_receipts <> 'off'",
        r"^SELECT id, project_id, sealed FROM destinations WHERE kind = 'slack' AND label IS NULL$",
    ],
    "sweeps look for what was left lying, whoever's it is": [
        r"^SELECT id FROM payment_events WHERE effect = 'pending' AND timeout_at <",
        r"^SELECT DISTINCT event_id FROM \( SELECT id AS event_id FROM payment_events WHERE effect = 'pending'",
        r"^SELECT event_id, id FROM reprocesses WHERE state = 'awaiting_result' AND result_due_at <",
        r"^UPDATE (alerts|destinations|mentions|notices) SET .*> now\(\) \+ interval '(5|65) minutes'",
    ],
    "what is old goes, whoever's it is, and is counted before": [
        r"^WITH destination AS \( UPDATE destinations SET sealed = '' WHERE removed_at IS NOT NULL",
        r"^DELETE FROM \w+( \w)?( USING projects p)? WHERE .*< now\(\) - (interval|make_interval)",
        r"^WITH gone AS \( ?(DELETE FROM|UPDATE) \w+ .*< now\(\) - interval .*SELECT '\w+' , date_trunc\('month'",
        r"^SELECT '\w+' , date_trunc\('month', .*< now\(\) - (interval|make_interval).* GROUP BY 2$",
        r"^WITH due AS MATERIALIZED \( .*(FROM due_events\(\$1\)|FROM expired_events WHERE).* GROUP BY month",
        r"^WITH old AS \( SELECT id, set_id FROM bulk_reprocesses WHERE state = 'preview' AND created_at <",
    ],
    "figures of all projects are rolled up together, each row with its project": [
        r"^WITH happened \(at, project_id,",
        r"^SELECT date_trunc\('hour', received_at, 'UTC'\) , project_id, count\(\*\)",
        r"^SELECT waiting\.hour , p\.id",
        r"^SELECT r\.rolled_until, h\.hour .* GROUP BY hour, project_id\)",
    ],
    "health and metrics count over all projects": [
        r"^SELECT p\.id AS project_id, count\(s\.id\) FILTER",
        r"^SELECT project_id, kind, coalesce\(extract\(epoch FROM now\(\) - min\(failing_since\)",
        r"^SELECT concat\(wish\)",
        r"^SELECT count\(\*\) , extract\(epoch FROM now\(\) - min\(stepped_at\)\)",
        r"^SELECT count\(\*\) FILTER \(WHERE (age <|parked_at IS NULL\))",
        r"^WITH used AS \( SELECT d\.\* FROM destinations d JOIN projects p",
        r"^SELECT EXISTS \( SELECT FROM destinations d WHERE d\.removed_at IS NULL AND",
        r"^SELECT i\.project_id, i\.reason, count\(\*\) FROM incidents i JOIN projects p",
        r"^SELECT p\.id AS project_id, count\(\*\) , min\(due\.due_at\)",
        r"^SELECT extract\(epoch FROM clock_timestamp\(\) - e\.at\)::bigint FROM audit_sealer s",
    ],
    "a new master key seals the values of all projects again, or counts them": [
        r"^UPDATE \w+ AS t SET (sealed|snapshot) = n\.sealed FROM unnest",
        r"^SELECT (held|project_id, kind) .*FROM signing_secrets WHERE",
        r"^SELECT project_id , '' , id , '' , snapshot FROM payment_events WHERE snapshot IS NOT NULL",
        r"^SELECT count\(\*\) FROM \( SELECT sealed FROM signing_secrets",
        r"^SELECT id, project_id, sealed FROM signing_secrets WHERE expires_at IS NULL ORDER BY id DESC LIMIT 1$",
    ],
    "the chain of the audit is one for each project, linked and verified in the order of time": [
        r"^SELECT e\.id, e\.at, (e\.project_id, )?EXISTS \(SELECT FROM audit_chain c WHERE c\.entry_id = e\.id\)",
        r"^SELECT p\.id , head\.sequence, head\.hash FROM unnest\(\$1::uuid\[\]\) AS p \(id\)",
        r"^WITH RECURSIVE linked AS \( \(SELECT project_id FROM audit_chain",
    ],
    "operators have a role and no project: their lists are of all, unless one is asked for": [
        r"^SELECT id FROM (incidents|payment_events) WHERE id > \$1 AND id < \$2 ORDER BY id (ASC|DESC) LIMIT \$3$",
        r"^SELECT at, id FROM audit_entries WHERE \(at, id\) > \(\$1, \$2\)",
        r"^SELECT project_id, count\(\*\) FROM incidents WHERE state <> 'resolved' GROUP BY project_id$",
        r"^SELECT p\.id AS project_id, clock_timestamp\(\) .* WHERE p\.mode = \$1",
        r"^SELECT DISTINCT ON \(project_id\) project_id, day, snapshots, last_at,",
        r"^SELECT id, name, mode, .* FROM projects ORDER BY id$",
        r"^SELECT EXISTS \(SELECT FROM projects WHERE (archived_at IS NOT NULL|mode = 'live')",
        r"^SELECT DISTINCT provider \|\| ':' \|\| name FROM declared_names ORDER BY 1$",
        r"^UPDATE incidents SET owner = NULL WHERE owner = \$1",
    ],
    "the process reads all keys ahead, to find a request's own by its hash": [
        r"^SELECT k\.id, k\.hash, k\.project_id, .* WHERE k\.revoked_at IS NULL AND p\.archived_at IS NULL$",
    ],
    "after a restore every erasure is done again": [
        r"^SELECT e\.id, e\.project_id, e\.customer, e\.requested_by, e\.requested_at, k\.sealed",
    ],
    "a project begins": [r"^INSERT INTO projects \(id,"],
}

STORE = pathlib.Path("crates/store/src")
ROUTES = ("api/src", "crates/console/src")
COMPARE = "Compare its project_id right there; LOOKS_AT_ALL in scripts/check_isolation.py names pages of all projects."
LOOKS_AT_ALL = {
    "a page of all projects, for every operator": [
        "crates/console/src/bulk/by_id.rs",
        "crates/console/src/bulk/mod.rs",
        "crates/console/src/bulk/page.rs",
        "crates/console/src/bulk/pick.rs",
        "crates/console/src/comments.rs",
        "crates/console/src/event.rs",
        "crates/console/src/go.rs",
        "crates/console/src/incident/details.rs",
        "crates/console/src/incident/siblings.rs",
        "crates/console/src/incidents/causes.rs",
    ],
    "its ids are from the row of the link, whose token is the key": ["crates/console/src/proof.rs"],
    "what is found has the secret that the request must be signed with": ["api/src/slack.rs"],
}

IDS = "Alert|Bulk|Call|Cause|Destination|Erasure|Event|Extension|Incident|Key|ProofLink|Replay|Secret|Silence"
FINDER = re.compile(rf"pub async fn (find_\w+)(?:<[^>]*>)?\((?![^)]*ProjectId)(?:[^()]|\([^)]*\))*\bid: (?:{IDS})Id\b")
COMPARED_WITHIN = 260

TABLE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
ADDED = re.compile(rf"^ALTER TABLE (\w+)\s+ADD COLUMN (?:{OWNERS})\s", re.MULTILINE)
COLUMN = re.compile(rf"^\s+(?:{OWNERS})\s", re.MULTILINE)
SOURCE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING) (?:ONLY )?(\w+)")
BEHIND_COMMA = re.compile(r"\bFROM \w+(?: (?:AS )?\w+)?, (\w+)")
COMMENT = re.compile(r"--[^\n]*")
ASSIGNED = re.compile(r"\bSET (?!LOCAL).*?(?= WHERE | FROM |$)")
SHOWN_AS = re.compile(r'(?: AS)? "[^"]*"')
OPTIONAL = re.compile(r"\$\d+(?:::\w+)? IS NULL OR [\w.]+ = (?:ANY ?\()?\$\d+")
PARAMETER = r"(?:ANY ?\( ?)?\(?\$\d"
# Whose: a parameter, a list of them, or of lists that operators see the one that may be asked for.
WHOSE = re.compile(
    rf"\bproject_id\b(?:, '[0-9a-f-]+'(?:::uuid)?\))? = (?:{PARAMETER}|{LISTS}\.project_id)"
    rf"|\b(?:p|projects)\.id = {PARAMETER}|\(\w\.project_id, [^)]*\) [<>]=? \(p\.id, "
)
WHICH = re.compile(
    rf"\b(?:{NAMES})\b (?:=|IN|IS NOT DISTINCT FROM) {PARAMETER}|\b(?:{NAMES}) = {LISTS}\.(?:{NAMES})\b"
    rf"|\(\w\.cause, [^)]*\) >= \(\$\d, "
)
WRITTEN = re.compile(rf"\bINSERT INTO \w+(?: AS \w+)? \([^)]*\b(?:{OWNERS})\b")


def tables_of_projects() -> set[str]:
    found = {"projects"}
    for file in MIGRATIONS.glob("*.sql"):
        text = file.read_text(encoding="utf-8")
        found |= {name for name, body in TABLE.findall(text) if COLUMN.search(body)} | set(ADDED.findall(text))
    return found


def plain(statement: str) -> str:
    """Without comments and what Rust calls its columns, with one space between words."""
    return " ".join(SHOWN_AS.sub(" ", COMMENT.sub("", statement)).split())


def statements() -> dict[pathlib.Path, str]:
    read = {path: json.loads(path.read_text(encoding="utf-8"))["query"] for path in sorted(STATEMENTS.glob("*.json"))}
    return {path: plain(statement) for path, statement in read.items()}


def is_bound(statement: str) -> bool:
    """Whether it says so; what it assigns says nothing."""
    statement = ASSIGNED.sub("", statement)
    return bool(WHOSE.search(statement) or WHICH.search(OPTIONAL.sub("", statement)) or WRITTEN.search(statement))


def unbound(over_all: dict[str, list[str]]) -> list[str]:
    tables, wrong, used = tables_of_projects(), [], set()
    patterns = [pattern for group in over_all.values() for pattern in group]
    for path, statement in statements().items():
        touched = {*SOURCE.findall(statement), *BEHIND_COMMA.findall(statement)} & tables
        if not touched or is_bound(statement):
            continue
        fitting = {pattern for pattern in patterns if re.search(pattern, statement)}
        used |= fitting
        if not fitting:
            wrong.append(f"{path}: {', '.join(sorted(touched))} of every project: {statement[:200]}\n  {CURE}")
    stale = [pattern for pattern in patterns if pattern not in used]
    return wrong + [f"scripts/check_isolation.py: no statement reads as {pattern}: delete it" for pattern in stale]


def finders() -> set[str]:
    """The functions of the store that find a row by its id alone."""
    return {name for file in STORE.rglob("*.rs") for name in FINDER.findall(file.read_text(encoding="utf-8"))}


def look_ups(looks_at_all: dict[str, list[str]]) -> list[str]:
    call = re.compile(rf"(?<!fn )\b({'|'.join(sorted(finders()))})\(\s*[&a-z]")
    listed, used, wrong = {path for group in looks_at_all.values() for path in group}, set(), []
    for file in sorted(file for root in ROUTES for file in pathlib.Path(root).rglob("*.rs")):
        text = file.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        for found in call.finditer(text):
            if "project_id == " in text[found.start() : found.start() + COMPARED_WITHIN]:
                continue
            used.add(str(file))
            if str(file) not in listed:
                line = text.count("\n", 0, found.start()) + 1
                wrong.append(f"{file}:{line}: {found[1]} finds rows of every project\n  {COMPARE}")
    stale = sorted(listed - used)
    return wrong + [f"scripts/check_isolation.py: {path} looks at no row of all projects: delete it" for path in stale]


def main() -> int:
    wrong = unbound(OVER_ALL) + look_ups(LOOKS_AT_ALL)
    print("\n".join(wrong) or "every statement says whose rows it touches, or which")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
