"""`python -m fairmot_pl.benchmark`: time and memory of every part here, beside yardsticks that carry over."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.benchmarking.growth import growth_documents
from fairmot_pl.benchmarking.profiling import profile_documents
from fairmot_pl.benchmarking.results import Row, as_document, flat, markdown, table
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.benchmarking.suite import PARTS, measure
from fairmot_pl.config.check import ConfigError, check_values
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command, task_overrides
from fairmot_pl.files import write_text
from fairmot_pl.inference.detector import resolve_device
from fairmot_pl.inference.precision import check_precision, resolve_precision
from fairmot_pl.letterbox import checked_input_size
from fairmot_pl.training.provenance import environment, processor_name

KEYS = {
    "name": str,
    "parts": list[str],
    "device": str,
    "precision": str,
    "input_size": list[int] | None,
    "backbone": str,
    "deformable": bool,
    "laps": int | None,
    "batch_size": int | None,
    "identities": int,
    "threads": int | None,
    "seed": int,
    "compile": bool,
    "quick": bool,
    "growth": bool,
    "profile": bool,
}
QUICK_SIZE, WHOLE_SIZE = (160, 288), (608, 1088)
QUICK_LAPS, WHOLE_LAPS = 2, 5


def main() -> None:
    """Console entry."""
    run_command("benchmark", benchmark, check)


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed; ValueError where a precision, a device or a size cannot be.
    """
    check_values(plain(config), KEYS)
    for part in config.parts:
        if part not in PARTS:
            raise ConfigError(f"parts={list(config.parts)}: {part!r} is no part; allowed: {', '.join(PARTS)}")
    for key in ("laps", "batch_size", "threads", "identities"):
        if config[key] is not None and config[key] < 1:
            raise ConfigError(f"{key} is {config[key]}; it must be 1 or more")
    check_precision(config.precision)
    if config.input_size is not None:
        checked_input_size(tuple(config.input_size))
    resolve_device(config.device)


def benchmark(config: DictConfig) -> Outcome:
    """Measure the parts, then what is asked for beside them; files are written after every step."""
    folder = output_folder()
    write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)
    write_text(folder / "metrics.json", "{}\n")
    rows: list[Row] = []
    pictures: list[Path] = []
    with tempfile.TemporaryDirectory() as scratch:
        settings = settings_of(config, Path(scratch))
        for some in measure(config.parts, settings):
            rows += some
            write_rows(folder, rows, settings)
        if rows:
            print(table(rows).text())
        if config.growth:
            pictures += growth_documents(folder, settings)
        if config.profile:
            pictures += profile_documents(folder, settings)
    pages = [folder / "benchmark.md"] if rows else []
    return Outcome(folder, next_steps=[f"open {page}" for page in [*pages, *pictures]])


def write_rows(folder: Path, rows: list[Row], settings: Settings) -> None:
    """Write what is measured so far: for programs, for people, and flat as every command does."""
    command = shlex.join(["python", "-m", "fairmot_pl.benchmark", *task_overrides()])
    machine = machine_facts(settings)
    document = as_document(rows, {"command": command, "machine": machine, "environment": environment()})
    write_text(folder / "benchmark.json", json.dumps(document, indent=2) + "\n")
    write_text(folder / "benchmark.md", markdown(rows, ", ".join(machine.values()), command))
    write_text(folder / "metrics.json", json.dumps(flat(rows), indent=2) + "\n")


def machine_facts(settings: Settings) -> dict[str, str]:
    """What was measured on, in words."""
    height, width = settings.input_size
    facts = {
        "processor": processor_name(),
        "threads": f"{torch.get_num_threads()} threads of {os.cpu_count()} cores",
        "torch": f"torch {torch.__version__}",
        "network": f"{settings.backbone} at {height} x {width}",
    }
    if settings.device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(settings.device)
    return facts


def settings_of(config: DictConfig, scratch: Path) -> Settings:
    """The settings of a checked configuration; what is null follows from `quick` and the device."""
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    size = plain(config.input_size) or (QUICK_SIZE if config.quick else WHOLE_SIZE)
    return Settings(
        device=device,
        precisions=tuple(dict.fromkeys(("float32", precision))),
        input_size=(size[0], size[1]),
        backbone=config.backbone,
        deformable=config.deformable,
        laps=config.laps or (QUICK_LAPS if config.quick else WHOLE_LAPS),
        batch_size=config.batch_size or (12 if device.type == "cuda" else 1),
        identities=config.identities,
        seed=config.seed,
        compile=config.compile,
        quick=config.quick,
        scratch=scratch,
    )


if __name__ == "__main__":
    main()
