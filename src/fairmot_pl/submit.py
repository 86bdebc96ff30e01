"""`python -m fairmot_pl.submit`: the zip that an evaluation server takes, after checking what it would refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError, check_given, check_values, nearest
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command
from fairmot_pl.data.audit.findings import Findings, findings_text
from fairmot_pl.data.submission.archive import write_archive
from fairmot_pl.data.submission.benchmarks import BENCHMARKS, expected_videos
from fairmot_pl.data.submission.result_files import pick_files
from fairmot_pl.data.submission.result_rows import check_result
from fairmot_pl.files import write_text
from fairmot_pl.seqinfo import video_of

KEYS = {
    "results": str,
    "benchmark": str,
    "split": Literal["test", "train", "all"],
    "output": str | None,
    "check_only": bool,
}


def main() -> None:
    """Console entry."""
    run_command("submit", submit, check, expand=as_overrides)


def as_overrides(arguments: list[str]) -> list[str]:
    """`--check` as the override that it stands for."""
    return ["check_only=true" if argument == "--check" else argument for argument in arguments]


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    check_given(config, ("results", "benchmark", "data.root"), "submit")
    check_values(plain(config), KEYS, nodes=("data",))
    check_values(plain(config.data), {"root": str}, where="data")
    if config.benchmark not in BENCHMARKS:
        hint = nearest(config.benchmark, BENCHMARKS)
        raise ConfigError(f"benchmark is {config.benchmark!r}.{hint} Allowed: {', '.join(BENCHMARKS)}")


def submit(config: DictConfig) -> Outcome:
    """Check the result files and write the archive; an error that the server would find is one here."""
    folder, benchmark = output_folder(), BENCHMARKS[config.benchmark]
    write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    results = Path(config.results).expanduser()
    videos = expected_videos(benchmark, config.split, Path(config.data.root).expanduser())
    findings = Findings()
    files = pick_files(results, benchmark, videos, findings, split=config.split)
    for path, video in {path: video_of(name) for name, path in files.items()}.items():
        check_result(path, videos[video], findings)
    listed, counts = list(findings), findings.counts()
    write_text(folder / "findings.json", json.dumps([each.as_dict() for each in listed], indent=2) + "\n")
    figures = {"videos": float(len(videos)), "files": float(len(files))}
    figures |= {f"findings/{severity}": float(count) for severity, count in counts.items()}
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    print(findings_text(listed, results))
    if counts["error"]:
        print("no zip was written: the server would refuse it, mend these errors")
        problem = f"the server would refuse it: {counts['error']} errors, see findings.json"
        return Outcome(folder, next_steps=[f"read {folder / 'findings.json'}"], status=1, problem=problem)
    copies = f" ({', '.join(benchmark.copies)} of each video)" if benchmark.copies else ""
    if config.check_only:
        print(f"{len(files)} files{copies} are ready to be sent")
        return Outcome(folder, next_steps=["the same command without --check (check_only=true) writes the zip"])
    target = Path(config.output).expanduser() if config.output else folder / f"{config.benchmark}-{config.split}.zip"
    write_archive(target, files, benchmark.folder)
    print(f"{target}: {len(files)} files{copies}, {target.stat().st_size / 1e6:.1f} MB")
    step = f"upload {target} to {benchmark.page}"
    if config.split != "test":
        print(f"split={config.split}: servers score the test sequences, the others are there to be compared")
    if config.split == "train":
        step = "what is scored: the same command with split=test, on results of the test sequences"
    return Outcome(folder, next_steps=[step])


if __name__ == "__main__":
    main()
