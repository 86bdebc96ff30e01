"""Find what is wrong with a data set, and draw what it holds."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.build import build_datamodule
from fairmot_pl.config.entry import INTERRUPTED, Outcome, expected_errors, output_folder
from fairmot_pl.data.audit.audit import AuditReport, audit
from fairmot_pl.data.audit.findings import findings_text
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.progress import reading_bar
from fairmot_pl.files import write_text
from fairmot_pl.reporting.data_report import sheets_text, write_data_report
from fairmot_pl.reporting.target_pictures import sample_picture
from fairmot_pl.training.datamodule import FairMOTDataModule

Pictures = list[tuple[str, NDArray[np.uint8]]]


def run_check(config: DictConfig) -> Outcome:
    """Audit the data of the data node, draw its sheet and some samples."""
    folder = output_folder()
    with contextlib.redirect_stdout(sys.stderr) if config.json else contextlib.nullcontext():
        datamodule = build_datamodule(config)
        datamodule.prepare_data()
        write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        report = run_audit(datamodule, config.workers, thorough=config.thorough)
        pictures, notes = draw_samples(datamodule, config.show, config.seed, folder)
        if report.interrupted:
            notes.append(f"Stopped by Ctrl-C after {report.images} images: the rest of them was not looked at.")
        page = write_data_report(
            folder, report, title="Data check", root=datamodule.root, samples=pictures, notes=notes
        )
        document = json.dumps({"root": str(datamodule.root), **report.as_dict(), "notes": notes}, indent=2)
        write_text(folder / "findings.json", document + "\n")
        write_text(folder / "metrics.json", json.dumps(report.figures(), indent=2) + "\n")
        print(findings_text(list(report.findings), datamodule.root))
        counts = report.findings.counts()
        print(f"errors: {counts['error']}, warnings: {counts['warning']}, remarks: {counts['info']}")
        print("\n".join(filter(None, [sheets_text(report.sheets), *notes])))
    if config.json:
        print(document)
    failed = counts["error"] or (config.fail_on == "warning" and counts["warning"])
    return Outcome(
        folder,
        next_steps=[f"open {page} in a browser"],
        status=INTERRUPTED if report.interrupted else int(bool(failed)),
        silent=config.json,
    )


def run_audit(datamodule: FairMOTDataModule, workers: int | None, *, thorough: bool) -> AuditReport:
    """Audit behind a progress bar on the error stream, and say how fast it was."""
    started = time.perf_counter()
    with reading_bar() as bar:
        job = bar.add_task("reading labels", total=None)

        def show(done: int, total: int, images: int) -> None:
            bar.update(job, completed=done, total=total, description=f"{images} images")

        report = audit(
            {"train": datamodule.train_sources, "val": datamodule.val_sources},
            datamodule.root,
            workers=workers,
            thorough=thorough,
            progress=show,
        )
    seconds = time.perf_counter() - started
    megabytes = report.image_bytes / 1e6
    done = "decoded" if thorough else "checked"
    print(
        f"{report.images} images {done}, {megabytes:.0f} MB in {seconds:.1f} s ({megabytes / seconds:.0f} MB/s)",
        file=sys.stderr,
    )
    return report


def draw_samples(datamodule: FairMOTDataModule, count: int, seed: int, folder: Path) -> tuple[Pictures, list[str]]:
    """Draw training samples into `samples/`; what hinders it is a note, as the audit says what to mend."""
    if not count:
        return [], []
    try:
        pictures = list(_pictures(datamodule, count, seed))
    except expected_errors() as error:
        return [], [f"No sample can be drawn before this is mended: {error}"]
    for number, (caption, image) in enumerate(pictures, start=1):
        name = caption.partition(":")[0].replace("/", "_").replace(" ", "_")
        path = folder / "samples" / f"{number:02d}_{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())
    return pictures, []


def _pictures(datamodule: FairMOTDataModule, count: int, seed: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Captions and pictures of samples drawn by chance, those with people first."""
    datamodule.setup("fit")
    bare = copy.copy(datamodule)
    bare.augmentation = without_augmentation(datamodule.input_size)
    plain = bare.make_samples()
    frames = [(sequence.name, frame) for sequence in datamodule.train_sequences for frame in sequence.frames]
    order = np.random.default_rng(seed).permutation(len(frames)).tolist()
    order.sort(key=lambda index: len(frames[index][1]) == 0)
    whole = (index for index in order if not (datamodule.samples[index].broken or plain[index].broken))
    for index in itertools.islice(whole, count):
        name, frame = frames[index]
        caption = f"{name} {frame.image_path.stem}: {len(frame)} people; left as it is, right augmented"
        yield caption, sample_picture(datamodule.samples[index], plain[index])


def without_augmentation(input_size: tuple[int, int]) -> dict[str, Any]:
    """The keywords of `Augmentation.none`."""
    return {key: value for key, value in asdict(Augmentation.none(input_size)).items() if key != "input_size"}
