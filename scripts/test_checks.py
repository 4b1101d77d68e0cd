"""The checks of documents, snapshots and statements find what they are for, and nothing else: on small repositories."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import check_docs
import check_isolation
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

    def test_what_is_no_document_names_what_is_there(self):
        self.write("docs/api.md", "# Two calls\n")
        self.write("src/lib.rs", "//! See docs/api.md#two-calls, and docs/gone.md.\n")
        self.write("alerts.yml", "summary: docs/api.md#gone\n")
        dead = ["alerts.yml: docs/api.md#gone leads nowhere", "src/lib.rs: docs/gone.md leads nowhere"]
        self.assertEqual(sorted(check_docs.dead_names()), dead)

    def test_a_list_of_chapters_and_that_of_documents_are_whole(self):
        chapters = "\n\n".join(f"## {name}" for name in ["One", "Two", "Three", "Four"])
        told = "- [1](#one)\n- [2](#two)\n- [3](#three)\n"
        self.write("docs/api.md", f"# Api\n\n{told}\n{chapters}\n")
        self.write("docs/short.md", f"# Short\n\nSee [1](#one).\n\n{chapters}\n")
        self.write("README.md", "[api](docs/api.md)\n")
        self.assertEqual(check_docs.unlisted_chapters(), ["docs/api.md: its list lacks #four"])
        self.assertEqual(check_docs.unlisted_documents(), ["README.md: lacks docs/short.md"])

    def test_paths_of_what_holds_are_there(self):
        self.write("scripts/here.py", "")
        self.write("docs/decisions/0001-one.md", DECISION)
        self.assertEqual(check_docs.dead_paths(), ["docs/decisions/0001-one.md: there is no scripts/gone.py"])
        self.write("docs/decisions/0001-one.md", DECISION.replace("accepted", "superseded by 0002"))
        self.write("docs/CHANGELOG.md", "`scripts/gone.py` went\n")
        self.assertEqual(check_docs.dead_paths(), [])

    def test_the_index_tells_of_each_decision(self):
        self.write("docs/decisions/0001-one.md", DECISION)
        self.write(INDEX, LINE)
        self.assertEqual(check_docs.untold_decisions(), [])
        self.write(INDEX, LINE.replace("holds", "held"))
        self.assertEqual(len(check_docs.untold_decisions()), 2)

    def test_an_example_that_is_not_run_is_found(self):
        self.write("crates/one/Cargo.toml", "[lib]\ndoctest = false\n")
        self.write("crates/one/src/lib.rs", "//! One.\n\n/// Two, as `two` says:\n/// - three\npub fn two() {}\n")
        self.assertEqual(check_docs.examples_not_run(), [])
        for example in ["//! ```\n//! two();\n//! ```\n", "///     two();\n", "/** ```two()``` */\n"]:
            self.write("crates/one/src/two.rs", example)
            self.assertEqual(len(check_docs.examples_not_run()), 1, example)


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


class Isolation(Repository):
    def setUp(self):
        super().setUp()
        table = "CREATE TABLE {} (\n    id uuid PRIMARY KEY,\n    {} uuid NOT NULL\n);\n"
        made = [("incidents", "project_id"), ("alerts", "incident_id"), ("operators", "other_id")]
        self.write("migrations/1_create.sql", "".join(table.format(*names) for names in made))

    def unbound(self, *statements: str, over_all: dict[str, list[str]] | None = None) -> list[str]:
        for number, statement in enumerate(statements):
            self.write(f".sqlx/query-{number}.json", json.dumps({"query": statement}))
        return check_isolation.unbound(over_all or {})

    def test_what_says_whose_or_which_is_bound(self):
        self.assertEqual(check_isolation.tables_of_projects(), {"incidents", "alerts", "projects"})
        bound = [
            "SELECT state FROM incidents WHERE project_id = $1",
            "SELECT i.state FROM incidents i\n  JOIN projects p ON p.id = i.project_id WHERE p.id = $1",
            "UPDATE incidents SET state = $2 WHERE id = $1",
            "DELETE FROM alerts WHERE incident_id = ANY($1)",
            "INSERT INTO alerts (id, incident_id) VALUES ($1, $2)",
            "SELECT email FROM operators",
        ]
        self.assertEqual(self.unbound(*bound), [])

    def test_what_says_neither_is_named_with_the_cure(self):
        for statement in [
            "SELECT id AS \"project_id = $1\" FROM incidents -- project_id = $1",
            "SELECT i.id FROM incidents i JOIN projects p ON p.id = i.project_id",
            "UPDATE incidents SET project_id = $1 WHERE state = 'open'",
            "SELECT count(*) FROM operators, alerts",
            "SELECT id FROM incidents WHERE $1::uuid IS NULL OR id = $1",
        ]:
            with self.subTest(statement):
                [told] = self.unbound(statement)
                self.assertIn("of every project: ", told)
                self.assertIn("Compare project_id with a parameter", told)

    def test_a_reason_that_fits_nothing_goes(self):
        over_all = {"swept": [r"^DELETE FROM alerts WHERE", r"^DELETE FROM incidents"]}
        [told] = self.unbound("DELETE FROM alerts WHERE created_at < now()", over_all=over_all)
        self.assertIn(r"no statement reads as ^DELETE FROM incidents", told)

    def test_a_route_asks_whose_the_row_is_that_it_looks_up(self):
        by_id = "pub async fn find_incident(\n    db: impl PgExecutor<'_>,\n    id: IncidentId,\n) {}\n"
        bound = "pub async fn find_bulk(db: &PgPool, project_id: ProjectId, id: BulkId) {}\n"
        self.write("crates/store/src/incidents.rs", by_id + bound)
        self.assertEqual(check_isolation.finders(), {"find_incident"})
        look_up = "let found = incidents::find_incident(&state.pool, id).await?;\n"
        self.write("api/src/v1/good.rs", look_up + "found.filter(|one| one.project_id == project.id)\n")
        self.write("api/src/v1/bad.rs", "\n" + look_up)
        self.write("crates/console/src/page.rs", look_up)
        [told] = check_isolation.look_ups({"operators": ["crates/console/src/page.rs"]})
        self.assertIn("api/src/v1/bad.rs:2: find_incident finds rows of every project", told)
        [told, stale] = check_isolation.look_ups({"none": ["api/src/v1/good.rs", "crates/console/src/page.rs"]})
        self.assertIn("bad.rs:2", told)
        self.assertIn("api/src/v1/good.rs looks at no row", stale)


if __name__ == "__main__":
    unittest.main()
