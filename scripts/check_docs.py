#!/usr/bin/env python3
"""Refuses documents that point to nothing, and decisions that their index does not tell as they are.

Every link between the documents leads to a file, and to a heading where it names one, and so does every document that
something else names; every path in `code` of the documents and of the decisions that hold is there; a list of a
document's chapters at its head has all of them, and README.md all documents; docs/decisions/README.md has one line per
decision, in order, with its title, date and status. Each test that docs/security.md names is there. A library whose
examples are not run, which spares reading it once more, has none.
"""

import collections
import pathlib
import re
import subprocess
import sys

LINK_TEXT = re.compile(r"\[([^\]]*)\]\([^)]*\)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CHAPTER = re.compile(r"^## .+$", re.MULTILINE)
NAMED = re.compile(r"\bdocs/[\w/.-]+\.md(?:#[\w-]+)?")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(\.?[\w.-]+/)+([\w.-]+)?")
TEST = re.compile(r"^ *#\[(?:tokio::)?test\b.*\n(?: *#\[.*\n)*^ *(?:async )?fn (\w+)", re.MULTILINE)
EXAMPLE = re.compile(r"^ *//[/!].*(?:```|~~~)|^ *//[/!] {5,}\S|^ */\*[*!]|\bdoc *= *include_str", re.MULTILINE)
DECISIONS = pathlib.Path("docs/decisions")
SUPERSEDED = re.compile(r"^\d{4}-\d\d-\d\d · superseded", re.MULTILINE)
HEAD = re.compile(r"# (.+)\n\n(\d{4}-\d\d-\d\d) · ((?:accepted|superseded by \d{4})(?:; .+)?)\n\n")


def listed(*patterns: str) -> list[pathlib.Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in map(pathlib.Path, found.splitlines()) if path.exists()]


def anchors(text: str) -> set[str]:
    """What GitHub lets a link name: each heading in small letters, a number behind one that is there again."""
    seen = collections.Counter()
    found = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        words = LINK_TEXT.sub(r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def leads_nowhere(page: pathlib.Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    if not file.exists():
        return True
    return bool(anchor) and anchor not in anchors(file.read_text(encoding="utf-8"))


def dead_links() -> list[str]:
    return [
        f"{page}: {target} leads nowhere"
        for page in listed("*.md")
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if ":" not in target and leads_nowhere(page, target)
    ]


def dead_names() -> list[str]:
    """What is no document names them too: messages, comments, rules of alerts. The tests of this file name others."""
    files = listed("*.rs", "*.py", "*.sh", "*.yml", "*.json", "*.toml", "*.html", "Makefile", ".env.example")
    return [
        f"{file}: {name} leads nowhere"
        for file in files
        if file.name != "test_checks.py"
        for name in sorted(set(NAMED.findall(file.read_text(encoding="utf-8"))))
        if leads_nowhere(pathlib.Path("root"), name)
    ]


def unlisted_chapters() -> list[str]:
    """Three links to headings of its own make the head of a document a list of its chapters."""
    wrong = []
    for page in listed("*.md"):
        text = FENCED.sub("", page.read_text(encoding="utf-8"))
        told = {target[1:] for target in LINK.findall(CHAPTER.split(text)[0]) if target.startswith("#")}
        chapters = [anchors(chapter).pop() for chapter in CHAPTER.findall(text)]
        wrong += [f"{page}: its list lacks #{chapter}" for chapter in chapters if len(told) > 2 and chapter not in told]
    return wrong


def unlisted_documents() -> list[str]:
    index = set(LINK.findall(pathlib.Path("README.md").read_text(encoding="utf-8")))
    pages = [page for page in listed("docs/*.md") if page.parent.name == "docs"]
    return [f"README.md: lacks {page}" for page in pages if str(page) not in index]


def standing_documents() -> list[pathlib.Path]:
    """What was superseded, and the changelog, tell of the tree as it was."""
    pages = [page for page in listed("*.md") if page.name != "CHANGELOG.md"]
    return [page for page in pages if not SUPERSEDED.search(page.read_text(encoding="utf-8"))]


def dead_paths() -> list[str]:
    """A path in `code` begins with a name of the root; what it says for `*` and `…` is not held."""
    top = {path.parts[0] for path in listed()}
    return [
        f"{page}: there is no {path}"
        for page in standing_documents()
        for path in CODE.findall(page.read_text(encoding="utf-8"))
        if PATH.fullmatch(path) and path.split("/")[0] in top and not pathlib.Path(path).exists()
    ]


def untold_decisions() -> list[str]:
    files = sorted(DECISIONS.glob("[0-9]*.md"))
    lines, wrong = [], []
    taken = [file.name[:4] for file in files]
    for number, file in zip(taken, files):
        head = HEAD.match(file.read_text(encoding="utf-8"))
        if not head or taken.count(number) > 1 or not file.name.startswith(f"{number}-"):
            wrong.append(f"{file}: a number of its own, a title, then `DATE · accepted` or `superseded by NNNN`")
            continue
        title, date, status = head.groups()
        lines.append(f"| [{number}]({file.name}) | {title} | {date} | {status.split(';')[0]} |")
    index = (DECISIONS / "README.md").read_text(encoding="utf-8").splitlines()
    told = [line for line in index if line.startswith("| [")]
    missing = [f"{DECISIONS}/README.md: needs the line {line}" for line in lines if line not in told]
    spare = [f"{DECISIONS}/README.md: tells of no decision: {line}" for line in told if line not in lines]
    order = [f"{DECISIONS}/README.md: the lines are out of order"] if told != lines else []
    return wrong + (missing + spare or order)


def missing_tests() -> list[str]:
    """The last column of the table of bad input names tests, as a function of each is called."""
    page = pathlib.Path("docs/security.md")
    _, _, table = page.read_text(encoding="utf-8").partition("\n## Bad input")
    rows = [row for row in table.partition("\n## ")[0].splitlines() if row.startswith("| ")][1:]
    tests = set(TEST.findall("\n".join(file.read_text(encoding="utf-8") for file in listed("*.rs"))))
    bare = [f"{page}: no test beside {row.split('|')[1].strip()}" for row in rows if not CODE.findall(row.split("|")[-2])]
    named = [name for row in rows for name in CODE.findall(row.split("|")[-2])]
    few = [] if len(named) > 20 else [f"{page}: the table of bad input is gone"]
    return few + bare + [f"{page}: there is no test {name}" for name in named if name not in tests]


def examples_not_run() -> list[str]:
    quiet = [one.parent for one in listed("*Cargo.toml") if "\ndoctest = false\n" in one.read_text(encoding="utf-8")]
    return [
        f"{page}: its example is not run; take `doctest = false` out of {folder}/Cargo.toml"
        for folder in quiet
        for page in listed(f"{folder}/*.rs")
        if EXAMPLE.search(page.read_text(encoding="utf-8"))
    ]


def main() -> int:
    wrong = dead_links() + dead_names() + dead_paths() + unlisted_chapters() + unlisted_documents()
    wrong += untold_decisions() + missing_tests() + examples_not_run()
    print("\n".join(wrong) or "every document leads where it says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
