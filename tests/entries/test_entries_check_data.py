"""`check_data` from the command line: exit status, table, JSON, pages and pictures."""

from __future__ import annotations

import json
import re
import sys

import cv2
import pytest

from entries.conftest import TINY
from fairmot_pl import check_data
from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.folders import conf_dir
from fairmot_pl.config.overrides import compose_checked
from fairmot_pl.data.audit import audit as auditing
from fairmot_pl.data.audit.recipe import SCANS
from fairmot_pl.data.synthetic import render_dataset

WORLD = [each for each in TINY if each.startswith("data.")]


@pytest.fixture
def folder(tmp_path):
    render_dataset(tmp_path / "set", train=2, val=0, frames=4, people=3, image_size=(96, 160))
    return tmp_path / "set"


@pytest.fixture
def set_of(folder):
    return [
        *("data=mot_folder", f"data.root={folder}", "data.input_size=[96,160]", "data.batch_size=2"),
        *("data.train.folder.sequences=[SYN-01]", "data.val.folder.sequences=[SYN-02]"),
    ]


@pytest.fixture
def fails(monkeypatch, capfd, tmp_path):
    """Run the command; returns exit status, standard output and error stream."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["check_data", *arguments])
        status = 0
        try:
            check_data.main()
        except SystemExit as stop:
            status = stop.code
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return command


def test_a_root_that_is_not_there_is_named(fails):
    status, out, _ = fails("data=mot_folder", "data.root=GONE")
    assert status == 1
    assert re.search("missing-data +GONE +no such folder", out)


def test_a_clean_set(run, set_of):
    ran = run("check_data", *set_of, "--show", "2")
    assert "no fault was found" in ran.out
    assert "errors: 0, warnings: 0, remarks: 0" in ran.out
    assert "next: open" in ran.out
    assert ran.metrics["images"] == 8
    assert ran.metrics["findings/error"] == 0
    page = (ran.folder / "data.html").read_text()
    assert page.count("<svg") == 2
    assert page.count("<img") == 2
    pictures = sorted((ran.folder / "samples").glob("*.png"))
    assert [path.name[:9] for path in pictures] == ["01_SYN-01", "02_SYN-01"]
    assert cv2.imread(str(pictures[0])).shape == (2 * 480 + 8, 2 * 800 + 8, 3)


def test_every_image_is_decoded_on_demand(run, set_of):
    assert "8 images decoded" in run("check_data", *set_of, "thorough=true").err


def test_the_rendered_world_is_clean(run, world_root):
    assert "no fault was found" in run("check_data", f"data.root={world_root}", *WORLD).out


def test_faults_leave_with_status_1_and_a_table(fails, set_of, folder):
    path = folder / "train" / "SYN-01" / "gt" / "gt.txt"
    path.write_text(path.read_text() + "2,x,5,5,9,20,1,1,1\n")
    (folder / "train" / "SYN-02" / "img1" / "000002.jpg").write_bytes(b"")
    status, out, _ = fails(*set_of, "show=1")
    assert status == 1
    line = len(path.read_text().splitlines())
    assert f"train/SYN-01/gt/gt.txt:{line}" in out
    assert "train/SYN-02/img1/000002.jpg" in out
    assert "how to mend:" in out
    assert "No sample can be drawn before this is mended" in out
    assert out.strip().splitlines()[-1].startswith("results: ")


def test_json_is_all_that_is_printed(fails, set_of, folder):
    status, out, err = fails(*set_of, "--json", "--show=1")
    assert (status, json.loads(out)["clean"]) == (0, True)
    assert "images checked" in err
    (folder / "train" / "SYN-01" / "img1" / "000002.jpg").unlink()
    status, out, _ = fails(*set_of, "--json")
    document = json.loads(out)
    assert (status, document["clean"]) == (1, False)
    assert [each["check"] for each in document["findings"]] == ["frame-without-image"]
    assert {"severity", "file", "line", "found", "mend", "count"} <= document["findings"][0].keys()


def test_warnings_may_count_too(fails, folder):
    same = ["data=mot_folder", f"data.root={folder}"]
    status, out, _ = fails(*same, "fail_on=warning")
    assert (status, out.count("same-data")) == (0, 2)  # in the table and in how to mend
    same.append("data.val.folder.split=second_half")
    status, out, _ = fails(*same)
    assert (status, "same-frames" in out) == (0, True)
    assert fails(*same, "fail_on=warning")[0] == 1


def test_ctrl_c_keeps_what_was_found(fails, set_of, folder, monkeypatch):
    path = folder / "train" / "SYN-01" / "gt" / "gt.txt"
    path.write_text(path.read_text() + "2,x,5,5,9,20,1,1,1\n")
    whole = auditing.probe_images

    def stopped(paths, **options):
        yield from list(whole(paths, **options))[:3]
        raise KeyboardInterrupt

    monkeypatch.setattr(auditing, "probe_images", stopped)
    status, out, _ = fails(*set_of)
    assert status == 130
    assert "not-a-number" in out
    assert "Stopped by Ctrl-C after 3 images" in out


@pytest.mark.parametrize("name", sorted(path.stem for path in (conf_dir() / "data").glob("*.yaml")))
def test_every_data_set_can_be_audited(name):
    config = compose_checked("check_data", [f"data={name}", "data.root=/data"])
    check_data.check(config)
    sources = {**config.data.train, **(config.data.val or {})}
    assert {source.format for source in sources.values()} <= set(SCANS)


@pytest.mark.parametrize(
    ("arguments", "expanded"),
    [
        (["--json", "a=1"], ["json=true", "a=1"]),
        (["--show", "4", "a=1"], ["show=4", "a=1"]),
        (["--show=4"], ["show=4"]),
        (["--show"], ["show="]),
        (["--help"], ["--help"]),
    ],
)
def test_switches_are_overrides(arguments, expanded):
    assert check_data.as_overrides(arguments) == expanded


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("show=-1", "show is -1"),
        ("show=", "show is ''; expected a whole number"),
        ("workers=0", "workers is 0"),
        ("fail_on=info", "fail_on is 'info'; expected one of 'error', 'warning'"),
    ],
)
def test_settings_that_cannot_be_meant(override, message):
    with pytest.raises(ConfigError, match=message):
        check_data.check(compose_checked("check_data", [override]))
