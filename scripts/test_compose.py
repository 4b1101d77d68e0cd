"""Of docker-compose.yml: what its containers may do, which images they are, and the secrets that it mounts."""

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
# What a user's own image is built as.
BUILT = "sendpromptly:local"
PINNED = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def blocks(text: str) -> dict[str, str]:
    """What is below each name two spaces deep."""
    parts = re.split(r"^  ([\w-]+):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def section(name: str) -> str:
    found = re.search(rf"^{name}:.*\n((?:(?:  .*|#.*)?\n)+)", COMPOSE, re.MULTILINE)
    assert found, f"no {name}"
    return found.group(1)


def services() -> dict[str, str]:
    """Each with what it takes from the block that it is merged with, its own lines first."""
    shared = {name: section(f"x-{name}") for name in ("app", "contained")}
    whole = {}
    for name, own in blocks(section("services")).items():
        taken = re.findall(r"^    <<: \*(\w+)$", own, re.MULTILINE)
        whole[name] = own + "".join("".join(f"  {line}\n" for line in shared[it].splitlines()) for it in taken)
    return whole


def first(service: str, key: str) -> str | None:
    """The value of a line of the service itself."""
    found = re.search(rf"^    {key}: (.+)$", service, re.MULTILINE)
    return found and found.group(1)


def networks(service: str) -> set[str]:
    return set(re.findall(r"\w+", first(service, "networks") or ""))


class Containers(unittest.TestCase):
    def test_there_are_as_many_as_are_meant(self) -> None:
        self.assertLessEqual({"postgres", "temporal", "migrate", "api", "worker", "mailpit", "grafana"}, set(services()))

    def test_none_may_do_more_than_it_needs(self) -> None:
        for name, service in services().items():
            with self.subTest(name):
                self.assertEqual(first(service, "cap_drop"), "[ALL]")
                self.assertEqual(first(service, "security_opt"), '["no-new-privileges:true"]')
                self.assertRegex(first(service, "mem_limit") or "", r"^\d+[mg]$")
                self.assertRegex(first(service, "pids_limit") or "", r"^\d+$")
                self.assertNotRegex(service, r"(?m)^    privileged:")
                if name != "postgres":
                    self.assertNotRegex(service, r"(?m)^    cap_add:")

    def test_none_fills_the_disk_with_its_log(self) -> None:
        self.assertRegex(section("x-logging"), r'max-size: \d+m, max-file: "\d"')
        self.assertEqual({first(service, "logging") for service in services().values()}, {"*logging"})

    def test_what_serves_says_whether_it_does(self) -> None:
        for name, port in (("api", 8080), ("worker", 9464)):
            asked = re.findall(r"/dev/tcp/127\.0\.0\.1/(\d+)\n +&& printf 'GET /readyz ", services()[name])
            self.assertEqual(asked, [str(port)], name)

    def test_the_database_is_on_a_network_that_leads_nowhere_and_temporal_on_its_own(self) -> None:
        joined = {name: networks(service) for name, service in services().items()}
        self.assertTrue(all(joined.values()), joined)
        self.assertEqual(joined["postgres"], {"database"})
        self.assertEqual(joined["temporal"], {"database", "temporal"})
        ours = {"migrate", "temporal-setup", "api", "worker"}
        of_database = {name for name, its in joined.items() if "database" in its}
        self.assertEqual(of_database, ours | {"postgres", "databases", "temporal-schema", "temporal"})
        of_temporal = {name for name, its in joined.items() if "temporal" in its}
        self.assertEqual(of_temporal, ours | {"temporal", "temporal-ui"})
        self.assertRegex(section("networks"), r"(?m)^  database: \{ internal: true \}$")
        self.assertIsNone(first(services()["postgres"], "ports"))

    def test_who_goes_back_starts_all_that_waits_for_migrations_and_no_migration(self) -> None:
        page = (ROOT / "docs/operations.md").read_text()
        started = re.findall(r"`docker compose up --build --detach --no-deps ([\w ]+)`", page)
        waiting = {name for name, service in services().items() if "migrate: { condition: " in service}
        self.assertEqual([set(names.split()) for names in started], [waiting - {"temporal-setup"}])

    def test_what_is_reached_is_reached_from_this_machine_alone(self) -> None:
        ports = re.findall(r"^    ports:\n((?:      - .+\n)+)", COMPOSE, re.MULTILINE)
        self.assertGreater(len(ports), 3)
        for line in "".join(ports).splitlines():
            self.assertRegex(line, r'^      - "127\.0\.0\.1:')

    def test_every_image_is_pinned_and_the_same_one_to_the_same_digest(self) -> None:
        images = {first(service, "image") for service in services().values()} - {BUILT}
        for image in images:
            self.assertRegex(image, PINNED)
        names = [image.split("@")[0] for image in images]
        self.assertEqual(len(names), len(set(names)), names)


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

    def test_without_what_draws_a_secret_none_is_left_empty(self) -> None:
        tools = self.root / "tools"
        tools.mkdir()
        for name in ("cat", "chmod", "dirname", "ls", "mkdir"):
            (tools / name).symlink_to(str(shutil.which(name)))
        script = self.root / "scripts/make_compose_secrets.sh"
        failed = subprocess.run([script], check=False, capture_output=True, text=True, env={"PATH": str(tools)})
        self.assertEqual((failed.returncode, failed.stdout), (1, ""))
        self.assertIn("secrets/postgres_password was not made", failed.stderr)
        (self.root / "secrets/master_key").write_text("\n")
        self.assertTrue(all(secret.strip() for secret in self.make().values()), "what is empty is made anew")

    def test_secrets_of_an_env_file_of_before_are_taken_over(self) -> None:
        made = self.make(APP_DB_PASSWORD="before", SENDPROMPTLY_MASTER_KEY="key of before")
        self.assertEqual(made["database_url"].strip(), "postgres://sendpromptly:before@postgres:5432/sendpromptly")
        self.assertEqual(made["master_key"].strip(), "key of before")

    def test_an_env_file_of_before_is_read_as_compose_reads_it(self) -> None:
        lines = ("MAIL_FROM=SendPromptly <alerts@example.com>", "POSTGRES_PASSWORD='before'", "SENDPROMPTLY_MASTER_KEY=a/b+c=",
                 "APP_DB_PASSWORD=", "SMTP_URL=smtp://mail.example.com:587?tls=opportunistic&x=1")
        (self.root / ".env").write_text("\n".join(lines) + "\n")
        made = {name: secret.strip() for name, secret in self.make().items()}
        self.assertEqual((made["postgres_password"], made["master_key"]), ("before", "a/b+c="))
        self.assertEqual(made["smtp_url"], "smtp://mail.example.com:587?tls=opportunistic&x=1")
        self.assertEqual(len(made["app_password"]), 48, "what was empty is drawn")

    def test_no_variable_of_the_file_holds_a_secret(self) -> None:
        names = re.findall(r"^\s+([A-Z_]*(?:PASSWORD|PWD|KEY|DATABASE_URL|SMTP_URL)): ", COMPOSE, re.MULTILINE)
        self.assertEqual(names, [])

    def test_what_the_example_sets_is_what_the_file_reads(self) -> None:
        example = (ROOT / ".env.example").read_text()
        self.assertEqual(set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)), set(re.findall(r"\$\{([A-Z_]+)", COMPOSE)))
        self.assertIn("SENDPROMPTLY_TEST_SHOP: ${SENDPROMPTLY_TEST_SHOP:-}", COMPOSE)

    def test_each_has_one_default(self) -> None:
        example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
        defaults = re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE)
        self.assertEqual({(name, default) for name, default in defaults if example[name] != default}, set())

    def test_incidents_link_to_temporal_where_it_is(self) -> None:
        self.assertIn("SENDPROMPTLY_TEMPORAL_UI_URL: ${SENDPROMPTLY_TEMPORAL_UI_URL:-http://localhost:8233}", section("x-app"))
        self.assertIn('"127.0.0.1:${TEMPORAL_UI_PORT:-8233}:8080"', services()["temporal-ui"])


if __name__ == "__main__":
    unittest.main()
