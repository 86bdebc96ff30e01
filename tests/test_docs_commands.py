"""Commands, keys and choices that text names exist: each command is composed and checked as it would be run."""

from __future__ import annotations

import argparse
import functools
import importlib
import re
import shlex

import pytest
import yaml

from fairmot_pl.config.folders import conf_dir
from fairmot_pl.config.overrides import check_command_line, split_arguments
from test_docs_links import PAGES, REPO, named, scripts

CONF = conf_dir()
COMMAND = re.compile(r"python -m (fairmot_pl\.\w+)((?:[^\n`\\]|\\\n|\\)*)")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
BRACES = re.compile(r"\{[^{}]*(,|\.\.)[^{}]*\}")
STANDING_FOR_ANYTHING = re.compile(r"\.\.\.|\bNAME\b|\bKEY\b")


def commands(text):
    """Module and arguments of every command in a text; redirections and comments are the shell's."""
    for module, arguments in COMMAND.findall(text):
        if STANDING_FOR_ANYTHING.search(arguments):
            continue
        assert not BRACES.search(QUOTED.sub("", arguments)), f"a shell would expand {arguments}"
        words = shlex.split(arguments.replace("\\\n", " "), comments=True)
        words = words[: next((place for place, word in enumerate(words) if word in (">", "|", "&&")), None)]
        if words:
            yield module, tuple(words)


def documented():
    """Every command of pages, root configurations and the examples that entries print, with the file that has it.

    Those of experiments and ablations are held in tests/config.
    """
    files = [*(page for page in PAGES if page.name != "CHANGELOG.md"), *sorted(REPO.glob("conf/*.yaml"))]
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    for file in sorted(REPO.glob("src/fairmot_pl/*.py")):
        texts[file] = "\n".join(re.findall(r'^EXAMPLE = """(.*?)"""', file.read_text(encoding="utf-8"), re.M | re.S))
    found = {}
    for file, text in texts.items():
        for module, words in commands(text):  # the same but for folders is the same command
            shape = tuple(
                re.sub(r"(checkpoint|data\.root|init_from|resume|source|results)=.*", r"\1=", word) for word in words
            )
            found.setdefault((module, shape), (module, words, named(file)))
    return list(found.values())


DOCUMENTED = documented()


class ParsedError(Exception):
    """The arguments were taken."""


@functools.cache
def wiring(module):
    """What an entry hands to `run_command`: its configuration, how it is checked, how arguments are rewritten."""
    entry, given = importlib.import_module(module), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            entry, "run_command", lambda name, task, check, expand=list, **_: given.extend((name, check, expand))
        )
        entry.main()
    return given


def composes(module, arguments):
    """Compose and check a command of Hydra; a folder to resume from cannot be there."""
    name, check, expand = wiring(module)
    resumed = [word for word in arguments if word.startswith("resume=")]
    words = [*expand([word for word in arguments if word not in resumed]), *resumed]
    check_command_line(name, split_arguments(words)[1], lambda config: None if resumed else check(config))


def parses(module, arguments, monkeypatch):
    """Have argparse take the arguments, and nothing be done."""
    parse = argparse.ArgumentParser.parse_args

    def stop(self, *given):
        parse(self, *given)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    with pytest.raises(ParsedError):
        importlib.import_module(module).main(arguments)


@pytest.mark.parametrize(
    ("module", "arguments", "page"), DOCUMENTED, ids=[" ".join(words) for _, words, _ in DOCUMENTED]
)
def test_a_documented_command_would_run(module, arguments, page, monkeypatch):
    monkeypatch.setenv("FAIRMOT_DATA", "/data")
    if hasattr(importlib.import_module(module), "run_command"):
        composes(module, list(arguments))
    else:
        parses(module, list(arguments), monkeypatch)


def test_every_entry_has_a_documented_command():
    assert {module for module, _, _ in DOCUMENTED} >= set(scripts().values())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`python -m fairmot_pl.train a=1 b=2` and", [("a=1", "b=2")]),
        ("    python -m fairmot_pl.train 'a=[1]' \\\n        b=2  # why\nnext", [("a=[1]", "b=2")]),
        ("python -m fairmot_pl.train a=1 > file.json", [("a=1",)]),
        ("python -m fairmot_pl.train a=1\npython -m fairmot_pl.train b=1", [("a=1",), ("b=1",)]),
        ("`python -m fairmot_pl.train` and `python -m fairmot_pl.train ... b=1`", []),
    ],
)
def test_commands_are_found(text, found):
    assert [words for _, words in commands(text)] == found


def test_a_command_that_would_not_run_is_found():
    with pytest.raises(ValueError, match=r"data\.rot"):
        composes("fairmot_pl.train", ["+experiment=mot17", "data.rot=/data"])


CODE = re.compile(r"`([^`\n]+)`")
CHOICE = re.compile(r"^\+?([a-z_]+(?:/[a-z_]+)*)=([a-z][\w]*)$")
KEY = re.compile(r"^([a-z_]+(?:\.[a-z_]+)+)(=.*)?$")
FILE = re.compile(r"\.(py|yaml|md|json|csv|txt|html|mp4|ckpt|zip|log|npz|diff|ini)$")


@functools.cache
def known_keys():
    """Every dotted key of every configuration, whatever is chosen; nodes included."""
    keys = set()

    def walk(node, prefix):
        for key, value in node.items() if isinstance(node, dict) else ():
            keys.add(f"{prefix}{key}")
            walk(value, f"{prefix}{key}.")

    for path in CONF.rglob("*.yaml"):
        group = path.parent.relative_to(CONF).as_posix()
        at_root = group in (".", "experiment", "ablation")
        walk(yaml.safe_load(path.read_text(encoding="utf-8")), "" if at_root else group.replace("/", ".") + ".")
        keys.add(group.replace("/", "."))
    return keys


def spoken(pattern):
    """What a pattern finds among the words of inline code, page by page."""
    for page in PAGES:
        if page.name != "CHANGELOG.md":
            for code in CODE.findall(page.read_text(encoding="utf-8")):
                yield from ((named(page), found) for word in code.split() if (found := pattern.match(word)))


def test_choices_that_text_names_exist():
    groups = {path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir()}
    missing = {
        f"{page}: {found[0]}"
        for page, found in spoken(CHOICE)
        if found[1] in groups and not (CONF / found[1] / f"{found[2]}.yaml").is_file()
    }
    assert missing == set()


def test_keys_that_text_names_exist():
    nodes = {key.partition(".")[0] for key in known_keys() if "." in key} - {"hydra"}
    missing = {
        f"{page}: {found[0]}"
        for page, found in spoken(KEY)
        if found[1].partition(".")[0] in nodes and not FILE.search(found[1]) and found[1] not in known_keys()
    }
    assert missing == set()
