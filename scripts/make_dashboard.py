#!/usr/bin/env python3
"""Writes monitoring/dashboard.json, for Grafana 10 and newer; with --check, refuses one that is not as it would be written.

Each row is a question of someone on call: is it working, what waits, why, and what is kept.
"""

import json
import pathlib
import sys

PATH = pathlib.Path(__file__).parents[1] / "monitoring" / "dashboard.json"
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT = 8, 7


def quantile(metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile(0.99, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"


def rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


# Title, what it says, unit, the queries by what their lines are called, and `None` where lines go below zero.
ROWS = {
    "Is it working?": [
        ("Processes that Prometheus reaches", "One line per process: 1 while it responds.", "none",
         {"{{instance}}": 'up{job="sendpromptly"}'}),
        ("Restarts", "In a quarter of an hour, by process. Its log says why it ended.", "none",
         {"{{instance}}": "sum by (instance) (changes(sendpromptly_process_start_time_seconds[15m]))"}),
        ("Checks that are not ok", "The checks of /readyz that a process does not find ok, and how they ended: degraded works, and needs"
         " attention; unknown says nothing, because what it depends on does not respond. `sendpromptly doctor` says what to do.", "none",
         {"{{check}} {{status}}": 'max by (check, status) (sendpromptly_check_status{status!="ok"}) == 1'}),
        ("Receipts and results", "A duplicate changed nothing; what is rejected was not taken.", "reqps",
         {"{{call}} {{outcome}}": rate("sendpromptly_calls_total", "call, outcome")}),
        ("Responses that say the fault is ours", "5xx by route.", "reqps",
         {"{{route}} {{code}}": rate('sendpromptly_http_requests_total{code=~"5.."}', "route, code")}),
        ("Time of a receipt and a result", "99 of 100 are faster.", "s",
         {"{{route}}": quantile('sendpromptly_http_request_duration_seconds', "route").replace(
             "_bucket[", '_bucket{route=~"/api/v1/(receipt|receipts|result)"}[')}),
        ("Since the dead-man URL was called", "About a minute while all works; no line where none is set.", "s",
         {"last call": "time() - max(sendpromptly_dead_man_last_call_timestamp_seconds)"}),
        ("Probes for the dead-man URL", "In five minutes, by how they ended: silent says that something does not work.", "none",
         {"{{outcome}}": "sum by (outcome) (increase(sendpromptly_dead_man_probes_total[5m]))"}),
        ("Outages of the API", "How long no API took requests, of the last 90 days, for how much longer deadlines wait because of one,"
         " and for how long none has run now.", "s",
         {"together": "max(sendpromptly_outages_duration_seconds)", "grace": "max(sendpromptly_outage_grace_seconds)",
          "none runs": "max(sendpromptly_api_away_seconds)"}),
        ("Since each rule of retention came to its end", "Below an hour and a half while it runs every hour.", "s",
         {"{{rule}}": "time() - max by (rule) (sendpromptly_retention_last_success_timestamp_seconds)"}),
        ("Open incidents", "Not resolved, by project and reason.", "none",
         {"{{project}} {{reason}}": "max by (project, reason) (sendpromptly_open_incidents)"}),
    ],
    "What waits?": [
        ("Messages for Temporal", "By kind; of the 5000 most urgent.", "none",
         {"{{kind}}": "max by (kind) (sendpromptly_outbox_waiting_messages)"}),
        ("Parked messages", "Temporal rejected them, and they wait for you; what they are about is not watched.", "none",
         {"parked": "max(sendpromptly_outbox_parked_messages)",
          "set aside in an hour": "sum(increase(sendpromptly_outbox_parked_total[1h]))"}),
        ("The oldest message for Temporal", "Nothing new is watched while what is needed grows; receipts are taken all the same.", "s",
         {"age": "max(sendpromptly_outbox_oldest_age_seconds)",
          "needed": "max(sendpromptly_outbox_needed_age_seconds)"}),
        ("Deadlines not judged", "Pending events whose deadline passed two minutes ago and more, counted up to 1000.", "none",
         {"events": "max(sendpromptly_overdue_events)"}),
        ("How late deadlines are", "Since the earliest of them.", "s",
         {"lag": "max(sendpromptly_deadline_lag_seconds)"}),
        ("Events that wait for their result", "By the age of the receipt; of the 5000 with the earliest deadlines.", "none",
         {"{{age}}": "max by (age) (sendpromptly_pending_events)"}),
        ("The oldest task that waits for a worker", "While it grows, workers do not keep up and short deadlines are judged late.", "s",
         {"{{task}}": "max by (task) (sendpromptly_backlog_oldest_age_seconds)"}),
        ("Tasks that wait for a worker", "In Temporal, about.", "none",
         {"{{task}}": "max by (task) (sendpromptly_backlog_tasks)"}),
        ("Destinations that take no alerts", "Broken ones are tried again every six hours only.", "none",
         {"broken": "max(sendpromptly_broken_destinations)", "failing": "max(sendpromptly_failing_destinations)"}),
        ("How long destinations have been failing", "Those that take nothing, by kind and project.", "s",
         {"{{kind}} {{project}}": "max by (kind, project) (sendpromptly_destination_failing_seconds) > 0"}),
        ("Silent receipts", "Projects and event types whose receipts do not come though some are expected.", "none",
         {"{{project}} {{flow}}": "max by (flow, project) (sendpromptly_receipts_silent) > 0"}),
        ("Alerts and callbacks", "Attempts, by how they ended.", "reqps",
         {"alert {{kind}} {{outcome}}": rate("sendpromptly_alert_attempts_total", "kind, outcome"),
          "callback {{outcome}}": rate("sendpromptly_callback_attempts_total", "outcome")}),
        ("Alerts told with their cause", "A message about the cause stands for them; they wait for nothing.", "reqps",
         {"{{project}}": rate("sendpromptly_alerts_folded_total", "project")}),
    ],
    "Why?": [
        ("Messages that did not get to Temporal", "By the cause.", "reqps",
         {"{{cause}}": rate("sendpromptly_outbox_dispatch_failures_total", "cause")}),
        ("Time to bring messages to Temporal", "99 of 100 events are faster.", "s",
         {"p99": quantile("sendpromptly_outbox_dispatch_duration_seconds")}),
        ("Connections to Postgres in use", "Of those that the pool may hold.", "percentunit",
         {"{{instance}} {{pool}}": 'sum by (instance, pool) (sendpromptly_database_connections{state="used"})'
          " / on (instance, pool) sendpromptly_database_connections_max"}),
        ("Callers that wait for a connection", "To Postgres, by process and pool.", "none",
         {"{{instance}} {{pool}}": "sum by (instance, pool) (sendpromptly_database_connection_waiters)",
          "{{instance}} {{pool}} began to wait, each second": rate("sendpromptly_database_connection_waits_total", "instance, pool")}),
        ("Connections to Postgres that were lost", "In five minutes, by process and pool: the server or the way to it ended them.", "none",
         {"{{instance}} {{pool}}": "sum by (instance, pool) (increase(sendpromptly_database_connections_lost_total[5m]))"}),
        ("Clocks", "By how much the clock of a process is ahead of the database's; below zero it is behind. Half a minute is allowed.", "s",
         {"{{instance}}": "max by (instance) (sendpromptly_clock_offset_seconds)"}, None),
        ("Free slots of workers", "At 0, work waits for a slot.", "none",
         {"{{instance}} {{worker_type}}": "min by (instance, worker_type) (sendpromptly_temporal_worker_task_slots_available)"}),
        ("How long tasks wait for a worker", "99 of 100 wait less.", "s",
         {"watches": quantile("sendpromptly_temporal_workflow_task_schedule_to_start_latency_seconds"),
          "alerts, callbacks and more": quantile("sendpromptly_temporal_activity_schedule_to_start_latency_seconds")}),
        ("Time of an attempt", "99 of 100 are faster.", "s",
         {"alert {{kind}} {{project}}": quantile("sendpromptly_alert_attempt_duration_seconds", "kind, project"),
          "callback {{project}}": quantile("sendpromptly_callback_attempt_duration_seconds", "project")}),
        ("Rejected, by the code of the response", "docs/api.md has the cure of each.", "reqps",
         {"{{call}} {{code}}": rate("sendpromptly_call_rejections_total", "call, code")}),
        ("Watches that a worker keeps in memory", "By process.", "none",
         {"{{instance}}": "sum by (instance) (sendpromptly_temporal_sticky_cache_size)"}),
        ("Version", "More than one during a deploy.", "none",
         {"{{version}}": "count by (version) (sendpromptly_build_info)"}),
    ],
    "What is kept?": [
        ("Rows that retention deleted", "In an hour, by rule.", "none",
         {"{{rule}}": "sum by (rule) (increase(sendpromptly_retention_deleted_rows_total[1h]))"}),
        ("Links of the audit", "Of all projects together; they never become fewer.", "none",
         {"links": "max(sendpromptly_audit_chain_links)"}),
        ("The oldest audit entry without a link", "Seconds while a worker runs.", "s",
         {"age": "max(sendpromptly_audit_chain_waiting_seconds)"}),
        ("Values sealed by each master key", "A key that seals nothing any more may go. Snapshots are not counted.", "none",
         {"{{key}} {{table}}": "max by (key, table) (sendpromptly_sealed_values)"}),
    ],
}


def panel(number: int, place: dict, title: str, says: str, unit: str, queries: dict, least: int | None = 0) -> dict:
    defaults = {"unit": unit} if least is None else {"unit": unit, "min": least}
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "description": says,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expression, "legendFormat": name}
            for at, (name, expression) in enumerate(queries.items())
        ],
    }


def dashboard() -> dict:
    panels, top = [], 0
    for title, row in ROWS.items():
        place = {"h": 1, "w": 24, "x": 0, "y": top}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []})
        top += 1
        for at, content in enumerate(row):
            line, column = divmod(at, 24 // WIDTH)
            place = {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": top + line * HEIGHT}
            panels.append(panel(len(panels) + 1, place, *content))
        top += -(-len(row) // (24 // WIDTH)) * HEIGHT
    return {
        "uid": "sendpromptly",
        "title": "SendPromptly",
        "description": "Is it working, what waits, why, and what is kept. Metrics: docs/metrics.md.",
        "tags": ["sendpromptly"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }


def text() -> str:
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PATH.write_text(text(), encoding="utf-8")
    elif PATH.read_text(encoding="utf-8") != text():
        sys.exit("monitoring/dashboard.json is not what scripts/make_dashboard.py writes: run it")
