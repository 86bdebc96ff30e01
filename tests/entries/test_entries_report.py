"""`report` from the command line, on runs that training could have left."""

from __future__ import annotations

import json

import pytest

from fairmot_pl.config.jobs import JobState, read_job
from fairmot_pl.report import main
from reporting.made_up_runs import write_run, write_sweep


def test_a_run_that_was_stopped_is_reported_as_far_as_it_came(tmp_path, capsys):
    folder = write_run(tmp_path / "run")
    for name in ("metrics.json", "sequences.json", "metrics.csv"):
        (folder / name).unlink()
    (folder / "logs" / "part-1").mkdir(parents=True)
    (folder / "logs" / "part-1" / "metrics.csv").write_text("step,epoch,train/loss/total\n0,0,9.5\n41,1,8.25\n")
    main([str(folder)])
    assert capsys.readouterr().out.splitlines() == [
        f"next: open {folder / 'report.html'} in a browser",
        f"results: {folder}",
    ]
    html = (folder / "report.html").read_text()
    assert "2 epochs, 42 steps, last training loss 8.250" in html
    assert "no metrics.json" in html
    assert read_job(folder, "train").state is JobState.STOPPED


def test_a_report_is_made_anew_of_every_run_of_a_sweep(tmp_path, capsys):
    sweep = write_sweep(tmp_path / "sweep", seeds=1)
    main([str(sweep)])
    out = capsys.readouterr().out.splitlines()
    assert len(list(sweep.glob("*/report.html"))) == len(out) - 1 == 6
    assert out[-1] == f"results: {sweep}"
    run = next(sweep.glob("*reid_dim-16*"))
    before = (run / "report.html").read_text()
    sequences = json.loads((run / "sequences.json").read_text())
    sequences["OVERALL"]["HOTA"] = 0.4321
    (run / "sequences.json").write_text(json.dumps(sequences))
    main([str(run)])
    assert "43.2" in (run / "report.html").read_text()
    assert "43.2" not in before


def test_what_has_a_report_of_another_kind_keeps_it(tmp_path, capsys):
    """That of a search, for example; the reports of the other runs are made."""
    search = write_run(tmp_path / "runs" / "search")
    (search / "provenance.json").write_text(json.dumps({"environment": {}, "data": {}}))
    (search / "report.html").write_text("of a search")
    trained = write_run(tmp_path / "runs" / "trained")
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "runs")])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert said == f"error: {search}: no training and no evaluation, or it never began; name the folder of one\n"
    assert (search / "report.html").read_text() == "of a search"
    assert "Training losses" in (trained / "report.html").read_text()


def write_part(run, content):
    (run / "logs" / "part-1").mkdir(parents=True)
    (run / "logs" / "part-1" / "metrics.csv").write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: (run / "provenance.json").write_text("{"), "it never began (provenance.json: "),
        (lambda run: (run / "evidence.npz").write_text("x"), "evidence.npz: "),
        (lambda run: (run / "sequences.json").write_text("{"), "sequences.json: damaged ("),
        (lambda run: write_part(run, b"step,epoch\n0,0\n,0\n"), "metrics.csv, line 3: step is '', not a whole number"),
        (lambda run: write_part(run, b"\xff\xfe"), "metrics.csv: is not UTF-8 text"),
    ],
)
def test_a_damaged_run_is_one_line(tmp_path, capsys, spoil, said):
    run = write_run(tmp_path / "run")
    spoil(run)
    with pytest.raises(SystemExit):
        main([str(run)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_it_answers_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m fairmot_pl.report outputs/synthetic" in capsys.readouterr().out
