"""What README and docs point at is there: files, headings, commands, targets of the Makefile."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
PAGES = [REPO / "README.md", REPO / "CHANGELOG.md", REPO / "benchmarks/results.md", *sorted(REPO.glob("docs/**/*.md"))]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(
    r"(?<![\w./-])(?:docs|benchmarks|conf|notebooks|tests|scripts)/[\w./-]*\w\.(?:md|py|ya?ml|ipynb|png|jpg)\b"
)
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)(?=[`\s,)]|$)")
ENTRY = re.compile(r"python -m (fairmot_pl(?:\.\w+)+)|\b(fairmot-[a-z-]+)\b")


def named(page):
    return page.relative_to(REPO).as_posix()


def anchors(text):
    """What GitHub calls the headings of a page; a heading that comes again gets a number."""
    found: Counter[str] = Counter()
    slugs = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", FENCE.sub("", text), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        slugs.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return slugs


def dead_links(page):
    dead = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        there = file.exists() and REPO in file.parents
        if not there or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            dead.append(target)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_and_their_headings_exist(page):
    assert dead_links(page) == []


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](b.md) [c](b.md#some-heading-its-code-1)", []),
        ("[a](#here)\n\n## Here\n", []),
        ("[a](c.md)", ["c.md"]),
        ("[a](b.md#no)", ["b.md#no"]),
        ("```\n[a](c.md)\n## here\n```\n[a](#here)", ["#here"]),
        ("![a](c.png)", ["c.png"]),
    ],
)
def test_a_dead_link_is_found(tmp_path, monkeypatch, text, dead):
    monkeypatch.setattr("test_docs_links.REPO", tmp_path)
    (tmp_path / "b.md").write_text("# Some heading: its `code`\n## Some heading: its [code](x)\n", encoding="utf-8")
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    assert dead_links(tmp_path / "a.md") == dead


def test_files_that_text_configurations_and_source_name_exist():
    speaking = [*PAGES, REPO / "Makefile", *REPO.glob("conf/**/*.yaml"), *REPO.glob("src/**/*.py")]
    missing = {
        f"{named(file)} names {path}"
        for file in speaking
        for path in PATH.findall(file.read_text(encoding="utf-8"))
        if not (REPO / path).exists()
    }
    assert missing == set()


def scripts():
    """Commands of pyproject.toml, by name; their modules."""
    section = (REPO / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]")[2].split("\n[")[0]
    return dict(re.findall(r'^(\S+) = "([\w.]+):main"', section, re.MULTILINE))


def test_commands_that_text_and_configurations_name_are_entries():
    entries = scripts()
    assert len(entries) >= 10
    known = {*entries, *entries.values()}
    unknown = {
        f"{named(file)} names {module or script}"
        for file in [*PAGES[:1], *PAGES[2:], *REPO.glob("conf/**/*.yaml")]
        for module, script in ENTRY.findall(file.read_text(encoding="utf-8"))
        if (module or script) not in known
    }
    assert unknown == set()


def test_every_entry_is_in_the_readme():
    readme = (REPO / "README.md").read_text(encoding="utf-8")
    assert [module for module in scripts().values() if f"python -m {module} " not in readme] == []


def test_make_targets_that_text_names_exist():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (REPO / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = {
        page: re.findall(r"`[^`\n]+`|^```.*?^```$", page.read_text(encoding="utf-8"), re.M | re.S) for page in PAGES
    }
    unknown = {
        f"{named(page)}: make {target}"
        for page, pieces in code.items()
        for piece in pieces
        for target in MAKE.findall(piece)
        if target not in targets
    }
    assert unknown == set()


def test_a_picture_or_page_of_docs_is_shown_somewhere():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for file in [*REPO.glob("conf/**/*.yaml"), REPO / "mkdocs.yml"]:
        text += file.read_text(encoding="utf-8")
    files = [file for file in REPO.glob("docs/**/*") if file.is_file()]
    assert [named(file) for file in files if file.name not in text] == []
