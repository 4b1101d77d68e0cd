"""What monitoring/ holds: the dashboard is as it is written, links lead to headings, each rule fires for its fault, and
rules and panels ask for labels and checks that there are.

Rules are read and played, and panels read, by promtool. Where it is not and cannot be fetched, these tests say that they
were skipped.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import check_docs
import make_dashboard

ROOT = pathlib.Path(__file__).parents[1]
MONITORING = ROOT / "monitoring"
RULES, PLAYED, SCRAPED = (MONITORING / name for name in ("alerts.yml", "alerts_test.yml", "prometheus.yml"))
# What Prometheus itself adds to every series, and to the buckets of a histogram.
ADDED = {"job", "instance", "le"}
OF_SDK = "sendpromptly_temporal_"


def rows(path: str, heading: str) -> list[list[str]]:
    """The cells of the document's table with this head."""
    table = (ROOT / path).read_text(encoding="utf-8").split(heading)[1].split("\n\n")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def labels() -> dict[str, set[str]]:
    """The labels of each metric that the document lists."""
    listed = rows("docs/metrics.md", "| metric | kind | labels |")
    return {name.strip("`"): words(names) for name, _, names, *_ in listed}


def checks() -> set[str]:
    return set().union(*(words(name) for name, *_ in rows("docs/api.md", "| check | `ok` when |")))


def expressions() -> list[str]:
    panels = make_dashboard.dashboard()["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def selectors() -> list[tuple[str, dict[str, str]]]:
    """Each metric that rules, their tests and panels ask for, with what they ask of its labels."""
    texts = [RULES.read_text(encoding="utf-8"), PLAYED.read_text(encoding="utf-8"), *expressions()]
    found = re.findall(r"\b(sendpromptly_\w+|up)\{([^}]*)\}", "\n".join(texts))
    return [(re.sub("_bucket$", "", name), dict(re.findall(r'(\w+)[=!~]+"([^"]*)"', asked))) for name, asked in found]


def promtool(test: unittest.TestCase, *arguments) -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "scripts/install_promtool.py"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        test.skipTest(found.stderr.strip())
    done = subprocess.run([found.stdout.strip(), *arguments], capture_output=True, text=True, check=False)
    test.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Monitoring(unittest.TestCase):
    def test_the_dashboard_is_what_its_program_writes(self):
        self.assertEqual(make_dashboard.PATH.read_text(encoding="utf-8"), make_dashboard.text())

    def test_every_alert_leads_to_a_heading_that_is_there(self):
        rules = RULES.read_text(encoding="utf-8")
        links = re.findall(r"runbook_url: (\S+)", rules)
        self.assertEqual(len(links), rules.count("- alert: "))
        for link in links:
            path, _, heading = link.partition("#")
            text = (ROOT / path).read_text(encoding="utf-8")
            self.assertTrue(not heading or heading in check_docs.anchors(text), link)

    def test_every_alert_is_played(self):
        names = re.findall(r"- alert: (\S+)", RULES.read_text(encoding="utf-8"))
        played = PLAYED.read_text(encoding="utf-8")
        silent = [name for name in names if not re.search(rf"alertname: {name}\n\s+exp_alerts:\n\s+- exp_labels", played)]
        self.assertEqual(silent, [], "no test sees these fire")

    def test_every_alert_that_is_played_is_there(self):
        names = set(re.findall(r"- alert: (\S+)", RULES.read_text(encoding="utf-8")))
        played = set(re.findall(r"alertname: (\w+)", PLAYED.read_text(encoding="utf-8")))
        self.assertEqual(played - names, set(), "no rule has these names, so nothing was tested")

    def test_the_rules_fire_as_played(self):
        promtool(self, "check", "config", SCRAPED)
        promtool(self, "test", "rules", PLAYED)

    def test_each_of_several_workers_is_read_by_itself(self):
        scraped = SCRAPED.read_text(encoding="utf-8")
        self.assertIn("names: [worker]", scraped)
        self.assertNotIn("worker:9464", scraped, "a name of several containers, each of which counts for itself")

    def test_prometheus_reads_what_every_panel_asks(self):
        asked = [expression.replace("$__rate_interval", "1m") for expression in expressions()]
        self.assertEqual([one for one in asked if "$" in one], [], "variables that only Grafana knows")
        rules = [{"record": f"panel:{at}", "expr": expression} for at, expression in enumerate(asked)]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "panels.yml"
            path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
            promtool(self, "check", "rules", path)

    def test_every_label_and_every_check_that_is_asked_for_is_there(self):
        known = labels() | {"up": set()}
        asked = [(name, of) for name, of in selectors() if not name.startswith(OF_SDK)]
        self.assertTrue(asked)
        strange = [(name, set(of) - known[name] - ADDED) for name, of in asked]
        self.assertEqual([one for one in strange if one[1]], [], "docs/metrics.md has no such labels")
        named = {check for _, of in asked for check in of.get("check", "").split("|")} - {""}
        self.assertEqual(named - checks(), set(), "docs/api.md has no such checks")

    def test_what_lines_are_told_apart_by_is_a_label(self):
        known = labels()
        for asked in [*expressions(), *re.findall(r"expr: (.+(?:\n {10,}.+)*)", RULES.read_text(encoding="utf-8"))]:
            names = re.findall(r"\bsendpromptly_\w+", asked)
            if not names or any(name.startswith(OF_SDK) for name in names):
                continue
            apart = {label for of in re.findall(r"\b(?:by|on) \(([^)]*)\)", asked) for label in of.split(", ")}
            there = set().union(*(known[re.sub("_bucket$", "", name)] for name in names))
            self.assertEqual(apart - there - ADDED, set(), asked)


if __name__ == "__main__":
    unittest.main()
