"""The site of the documentation: pages are reachable, links fit, drawing and architecture are what the code is."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml

from test_docs_links import LINK, PAGES, REPO, named

DOCS = REPO / "docs"
SOURCE = REPO / "src" / "fairmot_pl"


def script(name):
    """A file of scripts/ as a module."""
    spec = importlib.util.spec_from_file_location(name, REPO / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


ELSEWHERE = script("docs_pages").ELSEWHERE


class SiteLoader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose Python objects say nothing here."""


SiteLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


@pytest.fixture(scope="module")
def site():
    return yaml.load((REPO / "mkdocs.yml").read_text(encoding="utf-8"), SiteLoader)


def pages_of(navigation):
    for entry in navigation:
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            yield from pages_of(target) if isinstance(target, list) else [target]


def test_every_page_is_in_the_navigation_once_and_nothing_else(site):
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} | set(ELSEWHERE.values())
    listed = list(pages_of(site["nav"]))
    assert set(listed) == there
    assert len(listed) == len(there)


def test_nothing_of_the_site_is_fetched_from_elsewhere(site):
    assert site["theme"]["font"] is False
    assert not any("://" in str(site.get(key)) for key in ("extra_css", "extra_javascript"))


@pytest.mark.parametrize("source", [page for page in PAGES if page.suffix == ".md"], ids=named)
def test_links_of_a_page_lead_to_the_same_file_on_the_site(source):
    uri = ELSEWHERE.get(named(source)) or source.relative_to(DOCS).as_posix()
    text = source.read_text(encoding="utf-8")
    relinked = script("docs_pages").relinked(text, uri)
    places = {page: file for file, page in ELSEWHERE.items()}
    for before, after in zip(LINK.findall(text), LINK.findall(relinked), strict=True):
        if re.match(r"[a-z]+:|#", before):
            assert before == after
            continue
        meant = (source.parent / before.partition("#")[0]).resolve()
        on_site = (Path("/") / Path(uri).parent / after.partition("#")[0]).resolve().relative_to("/").as_posix()
        assert (REPO / places[on_site] if on_site in places else DOCS / on_site) == meant
        assert before.partition("#")[2] == after.partition("#")[2]


def test_the_drawing_of_the_frames_is_what_the_code_says():
    assert script("draw_frames").draw() == (DOCS / "frames.svg").read_text(encoding="utf-8")


def test_the_api_page_has_every_public_name():
    import fairmot_pl

    shown = re.findall(r"^::: fairmot_pl\.(\w+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(shown) == sorted(fairmot_pl.__all__)


def architecture():
    return (DOCS / "architecture.md").read_text(encoding="utf-8")


def test_the_layers_of_the_architecture_are_those_of_the_contract():
    contract = re.search(r"^layers = \[\n(.*?)^\]", (REPO / "pyproject.toml").read_text(encoding="utf-8"), re.M | re.S)[
        1
    ]
    section = architecture().partition("## Who may import whom")[2].partition("\n##")[0]
    drawn = [re.sub(r"\s+\(.*", "", line.strip()) for line in section.splitlines() if line.startswith("    ")]
    assert drawn == re.findall(r'"([^"]+)"', contract)


def test_the_architecture_names_every_folder_and_entry():
    table = architecture().partition("## Folders")[2].partition("\n##")[0]
    rows = "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    named_there = {name.strip("/") for name in re.findall(r"`([\w/]+)`", rows)}
    parts = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert parts - {"__init__"} <= named_there


PYTHON = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.py)`")
FOLDER = re.compile(r"`((?:[\w-]+/)+)`")
PLACES = (SOURCE, SOURCE.parent, REPO, REPO / "benchmarks")


def is_there(path):
    """Whether a file or folder is in the package (also within its folders, by name alone) or in the repository."""
    return any((place / path).exists() for place in PLACES) or any(SOURCE.glob(f"*/{path}"))


def test_files_that_pages_name_exist():
    paths = [
        (page, path) for page in PAGES[:1] + PAGES[2:] for path in PYTHON.findall(page.read_text(encoding="utf-8"))
    ]
    paths += [(DOCS / "architecture.md", path) for path in FOLDER.findall(architecture())]
    assert len(paths) > 40
    assert [f"{named(page)}: {path}" for page, path in paths if not is_there(path)] == []
