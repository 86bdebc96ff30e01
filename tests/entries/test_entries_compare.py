"""`compare` from the command line, on runs that training could have left."""

from __future__ import annotations

import pytest

from fairmot_pl.compare import main
from reporting.made_up_runs import write_run, write_sweep


def test_a_sweep_becomes_a_page_and_tables(tmp_path, capsys):
    sweep = write_sweep(tmp_path / "sweep", seeds=2)
    main([str(sweep)])
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"results: {sweep}"
    assert out[-2].startswith(f"next: open {sweep / 'comparison.html'}")
    names = ("comparison.html", "comparison.md", "comparison.csv", "comparison.tex", "settings.csv")
    assert all((sweep / name).stat().st_size > 100 for name in names)


def test_two_runs_are_explained(tmp_path, capsys):
    main([str(write_run(tmp_path / "a")), str(write_run(tmp_path / "b", dim=128, hota=0.5)), "--output", str(tmp_path)])
    out = capsys.readouterr().out
    assert "They differ in 1 setting; HOTA goes from" in out
    assert out.splitlines()[0].split()[:2] == ["run", "val/HOTA"]
    assert [line.split() for line in out.splitlines() if "reid_dim" in line] == [["model.reid_dim", "64", "128"]]
    assert (tmp_path / "comparison.html").is_file()


def test_the_first_metric_counts(tmp_path, capsys):
    main([str(write_sweep(tmp_path / "s", seeds=1)), "--metrics", "val/IDSW", "val/AssA"])
    assert capsys.readouterr().out.splitlines()[0].split()[-3:] == ["val/IDSW", "val/AssA", "%"]


def test_folders_without_figures_are_refused(tmp_path, capsys):
    (write_run(tmp_path / "tracked") / "metrics.json").write_text('{"frames": 10}')
    with pytest.raises(SystemExit):
        main([str(tmp_path / "tracked")])
    assert "tracked: no run here has figures to compare, such as val/HOTA" in capsys.readouterr().err
    assert not (tmp_path / "tracked" / "comparison.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metrics", "val/HOTAA"], "--metrics val/HOTAA: none of the runs has it; did you mean val/HOTA? There are"),
        (["nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path, capsys, arguments, said):
    write_run(tmp_path / "a")
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "a"), *arguments])
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line
