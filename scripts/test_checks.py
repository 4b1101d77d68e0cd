"""The checks of documents and snapshots find what they are for, and nothing else: on small repositories."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import check_docs
import check_snapshots

INDEX = "docs/decisions/README.md"
DECISION = "# One thing holds\n\n2026-11-28 · accepted\n\nSee `scripts/gone.py`.\n"
LINE = "| [0001](0001-one.md) | One thing holds | 2026-11-28 | accepted |\n"


class Repository(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        subprocess.run(["git", "init", "--quiet"], check=True)

    def write(self, path: str, text: str) -> None:
        file = pathlib.Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


class Documents(Repository):
    def test_links_lead_to_files_and_headings(self):
        self.write("docs/api.md", "# Two calls\n\n## Errors: all\n\n```sh\n# no heading\n```\n\n## Errors: all\n")
        good = ["docs/api.md", "docs/api.md#two-calls", "docs/api.md#errors-all-1", "#top", "https://x.test/#any"]
        bad = ["docs/gone.md", "docs/api.md#no-heading", "#bottom"]
        self.write("README.md", "# Top\n\n" + "\n".join(f"[there]({target})" for target in good + bad))
        self.assertEqual(check_docs.dead_links(), [f"README.md: {target} leads nowhere" for target in bad])

    def test_paths_of_decisions_that_hold_are_there(self):
        self.write("scripts/here.py", "")
        self.write("docs/decisions/0001-one.md", DECISION)
        self.assertEqual(check_docs.dead_paths(), ["docs/decisions/0001-one.md: there is no scripts/gone.py"])
        self.write("docs/decisions/0001-one.md", DECISION.replace("accepted", "superseded by 0002"))
        self.assertEqual(check_docs.dead_paths(), [])

    def test_the_index_tells_of_each_decision(self):
        self.write("docs/decisions/0001-one.md", DECISION)
        self.write(INDEX, LINE)
        self.assertEqual(check_docs.untold_decisions(), [])
        self.write(INDEX, LINE.replace("holds", "held"))
        self.assertEqual(len(check_docs.untold_decisions()), 2)


class Snapshots(Repository):
    def test_a_snapshot_without_its_test_is_found(self):
        body = 'assert_snapshot!(a); assert_snapshot!(b); assert_snapshot!(c, @"");'
        self.write("src/tests.rs", f"fn two() {{ {body} }}\n")
        for name in ["two", "two-2", "two-3", "gone"]:
            self.write(f"src/snapshots/it__{name}.snap", "---\nsource: src/tests.rs\n---\n")
        unread = [path.name for path in check_snapshots.listed("*.snap") if not check_snapshots.is_read(path)]
        self.assertEqual(unread, ["it__gone.snap", "it__two-3.snap"])

    def test_a_snapshot_for_review_is_found_though_git_ignores_it(self):
        self.write(".gitignore", "*.snap.new\n")
        self.write("src/tests.rs", "")
        self.write("src/snapshots/it__two.snap.new", "")
        [told] = check_snapshots.unreviewed()
        self.assertIn("src/snapshots/it__two.snap.new: was not reviewed", told)


if __name__ == "__main__":
    unittest.main()
