"""What monitoring/ holds: the dashboard is as it is written, links lead to headings, and each rule fires for its fault.

Rules are read and played by promtool. Where it is not and cannot be fetched, that test says that it was skipped.
"""

import pathlib
import re
import subprocess
import sys
import unittest

import check_docs
import make_dashboard

ROOT = pathlib.Path(__file__).parents[1]
MONITORING = ROOT / "monitoring"
RULES, PLAYED, SCRAPED = (MONITORING / name for name in ("alerts.yml", "alerts_test.yml", "prometheus.yml"))


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

    def test_the_rules_fire_as_played(self):
        found = subprocess.run(
            [sys.executable, ROOT / "scripts/install_promtool.py"], capture_output=True, text=True, check=False
        )
        if found.returncode:
            self.skipTest(found.stderr.strip())
        for arguments in (["check", "config", SCRAPED], ["test", "rules", PLAYED]):
            done = subprocess.run([found.stdout.strip(), *arguments], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
