"""`submit` from the command line: the zip, its checks, its refusals."""

from __future__ import annotations

import json
import sys
import zipfile

import pytest

from data.test_data_submission import sound_rows, write_sequence
from fairmot_pl import submit
from fairmot_pl.data.submission.benchmarks import BENCHMARKS
from fairmot_pl.mot_format import write_mot

VIDEOS = BENCHMARKS["MOT17"].videos["test"]


@pytest.fixture
def given(tmp_path) -> list[str]:
    """MOT17-test without images, and results of one copy of each video."""
    for video in VIDEOS:
        write_sequence(tmp_path / "MOT17" / "test" / f"{video}-SDP")
        write_mot(tmp_path / "tracked" / f"{video}-SDP.txt", sound_rows())
    return ["benchmark=MOT17", f"data.root={tmp_path / 'MOT17'}", f"results={tmp_path / 'tracked'}"]


def test_results_of_one_copy_become_a_zip_of_three(run, given, tmp_path):
    ran = run("submit", *given)
    path = ran.folder / "MOT17-test.zip"
    assert "no fault was found" in ran.out
    assert "motchallenge.net" in ran.out
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{video}-{copy}.txt" for video in VIDEOS for copy in ("DPM", "FRCNN", "SDP")]
        assert {archive.read(name) for name in archive.namelist()} == {
            (tmp_path / "tracked" / f"{VIDEOS[0]}-SDP.txt").read_bytes()
        }
    run("submit", *given, f"output={tmp_path / 'again' / 'mine.zip'}")
    assert (tmp_path / "again" / "mine.zip").read_bytes() == path.read_bytes()


def test_results_of_the_training_sequences_are_not_for_upload(run, tmp_path):
    for video in BENCHMARKS["MOT20"].videos["train"]:
        write_sequence(tmp_path / "MOT20" / "train" / video)
        write_mot(tmp_path / "tracked" / f"{video}.txt", sound_rows())
    given = ["benchmark=MOT20", f"data.root={tmp_path / 'MOT20'}", f"results={tmp_path / 'tracked'}"]
    said = run("submit", *given, "split=train").out
    assert "servers score the test sequences" in said
    assert "next: what is scored: the same command with split=test" in said
    assert "upload" not in said


def test_a_folder_of_sequences_is_no_root(refused, given):
    given[1] += "/test"
    said = refused("submit", *given)
    assert "these are sequences: name the folder above, in which they lie in test/" in said


def test_a_check_writes_no_zip(run, given):
    ran = run("submit", *given, "--check")
    assert "21 files (DPM, FRCNN, SDP of each video) are ready to be sent" in ran.out
    assert not list(ran.folder.glob("*.zip"))


def test_a_warning_does_not_hinder(run, given, tmp_path):
    (tmp_path / "tracked" / f"{VIDEOS[0]}-SDP.txt").write_text("")
    ran = run("submit", *given)
    assert "result-empty" in ran.out
    assert (ran.folder / "MOT17-test.zip").is_file()


def test_what_the_server_would_refuse_is_refused(given, tmp_path, monkeypatch, capfd):
    path = tmp_path / "tracked" / f"{VIDEOS[1]}-SDP.txt"
    path.write_text(path.read_text() + "99,1,5,5,9,20,1,-1,-1,-1\n")
    (tmp_path / "tracked" / f"{VIDEOS[2]}-SDP.txt").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["submit", *given])
    with pytest.raises(SystemExit) as stop:
        submit.main()
    out = capfd.readouterr().out
    assert stop.value.code == 1
    assert f"{VIDEOS[1]}-SDP.txt:61" in out
    assert "frame 99 of a sequence of 20" in out
    assert f"{VIDEOS[2]}-SDP.txt" in out
    assert "track it: python -m fairmot_pl.track source='SET/test/*' checkpoint=..." in out
    folder = tmp_path / out.strip().splitlines()[-1].removeprefix("results: ")
    assert not list(folder.glob("*.zip"))
    assert {each["check"] for each in json.loads((folder / "findings.json").read_text())} == {
        "result-frame",
        "result-missing",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["benchmark=MOT17", "data.root=/d"], "results is missing"),
        (["results=a", "data.root=/d"], "benchmark is missing"),
        (["results=a", "benchmark=MOT17"], "data.root is missing"),
        (["results=a", "benchmark=MOT71", "data.root=/d"], "benchmark is 'MOT71'. Did you mean 'MOT17'?"),
        (["results=a", "benchmark=MOT17", "data.root=/d", "split=val"], "split is 'val'; expected one of 'test'"),
        (["results=a", "benchmark=MOT17", "data.root=/d", "+data.path=b"], "unknown key 'data.path'"),
        (["results=a", "benchmark=MOT17", "data.root=/not/there"], "/not/there: no such folder"),
    ],
)
def test_settings_that_cannot_be_meant(refused, arguments, message):
    assert message in refused("submit", *arguments)
