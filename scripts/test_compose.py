"""Of docker-compose.yml and the secrets that it mounts."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()


class Secrets(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/make_compose_secrets.sh", self.root / "scripts")

    def make(self, **variables: str) -> dict[str, str]:
        script = self.root / "scripts/make_compose_secrets.sh"
        subprocess.run([script], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **variables})
        return {path.name: path.read_text() for path in (self.root / "secrets").iterdir()}

    def test_each_secret_that_is_mounted_is_made_and_each_that_is_made_is_mounted(self) -> None:
        made = set(self.make())
        self.assertEqual(made, set(re.findall(r"/run/secrets/(\w+)", COMPOSE)))
        self.assertEqual(made, set(re.findall(r"file: \./secrets/(\w+)", COMPOSE)))

    def test_the_folder_is_closed_and_what_is_there_stays(self) -> None:
        made = self.make()
        folder = self.root / "secrets"
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertEqual({stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}, {0o644})
        self.assertEqual(made, self.make())
        (folder / "app_password").unlink()
        (folder / "database_url").unlink()
        changed = self.make()
        self.assertEqual({name for name in made if made[name] != changed[name]}, {"app_password", "database_url"})
        self.assertIn(changed["app_password"].strip(), changed["database_url"])

    def test_secrets_of_an_env_file_of_before_are_taken_over(self) -> None:
        made = self.make(APP_DB_PASSWORD="before", SENDPROMPTLY_MASTER_KEY="key of before")
        self.assertEqual(made["database_url"].strip(), "postgres://sendpromptly:before@postgres:5432/sendpromptly")
        self.assertEqual(made["master_key"].strip(), "key of before")

    def test_no_variable_of_the_file_holds_a_secret(self) -> None:
        names = re.findall(r"^\s+([A-Z_]*(?:PASSWORD|PWD|KEY|DATABASE_URL|SMTP_URL)): ", COMPOSE, re.MULTILINE)
        self.assertEqual(names, [])

    def test_what_the_example_sets_is_what_the_file_reads(self) -> None:
        example = (ROOT / ".env.example").read_text()
        self.assertEqual(set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)), set(re.findall(r"\$\{([A-Z_]+)", COMPOSE)))
        self.assertIn("SENDPROMPTLY_TEST_SHOP: ${SENDPROMPTLY_TEST_SHOP:-}", COMPOSE)


if __name__ == "__main__":
    unittest.main()
