"""`python -m fairmot_pl.convert`: exports of label tools to MOTChallenge folders."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError, check_given, check_values
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command
from fairmot_pl.config.folders import quoted
from fairmot_pl.data.audit.findings import Findings, findings_text
from fairmot_pl.data.convert.conversion import REMEDIES, Converted, read_export
from fairmot_pl.data.convert.mot_writer import write_mot_sequence
from fairmot_pl.data.convert.whole_folder import whole_folder
from fairmot_pl.data.progress import counting_bar, reading_bar
from fairmot_pl.files import write_text
from fairmot_pl.folder_lock import is_locked, locked
from fairmot_pl.inference.sources.video import VideoSource

KEYS = {
    "source": str,
    "format": Literal["coco", "cvat", "yolo"],
    "images": str | None,
    "output": str,
    "name": str | None,
    "frame_rate": float | None,
    "classes": list[str | int] | None,
    "images_as": Literal["link", "copy", "symlink"],
    "drop_faulty": bool,
    "workers": int | None,
}

_JPEG_QUALITY = 95

NO_ROWS = ("missing-image", "unreadable-image", "no-people")
"""Errors that no row is to blame for, so that leaving rows out does not help."""


def main() -> None:
    """Console entry."""
    run_command("convert", convert, check)


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    check_given(config, ("source", "format", "output"), "convert")
    check_values(plain(config), KEYS)
    if config.frame_rate is not None and not 0 < config.frame_rate < 1000:
        raise ConfigError(f"frame_rate is {config.frame_rate}; a positive number of frames per second is needed")
    if config.name is not None and (config.name.strip(". ") == "" or set(config.name) & set("/\\")):
        raise ConfigError(f"name is {config.name!r}; the name of a folder is needed, without / and \\")
    if config.format == "yolo" and not all(isinstance(each, int) for each in plain(config.classes) or []):
        raise ConfigError(f"classes is {plain(config.classes)}; YOLO numbers its classes, for example classes=[0]")


def convert(config: DictConfig) -> Outcome:
    """Read an export, check it, write one MOTChallenge folder a video."""
    folder, output = output_folder(), Path(config.output).expanduser()
    source = Path(config.source).expanduser()
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such file or folder; source=... names the export")
    write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    findings = Findings(REMEDIES)
    with no_empty_folder(output), frames_of(config, source, output) as (images, rate):
        found = named(config.name, read(config, source, images, findings))
        listed = list(findings)
        print(findings_text(listed, source.parent))
        write_text(folder / "findings.json", json.dumps([each.as_dict() for each in listed], indent=2) + "\n")
        helps = bool(found) and not any(each.check in NO_ROWS for each in listed)
        failed = bool(findings.counts()["error"]) and not (config.drop_faulty and helps)
        written = [] if failed else write(config, found, output / "train", rate)
    figures = {
        "sequences": float(len(written)),
        "images": float(sum(len(each.sequence.images) for each in found)),
        "boxes": float(sum(len(each.sequence.rows) for each in found)),
        **{f"findings/{severity}": float(count) for severity, count in findings.counts().items()},
    }
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    if failed:
        or_else = ", or say drop_faulty=true to leave faulty rows out" if helps else ""
        print(f"nothing was converted: mend these errors{or_else}")
        return Outcome(folder, next_steps=[f"read {folder / 'findings.json'}"], status=1)
    step = f"python -m fairmot_pl.check_data data=mot_folder data.root={quoted(output)} --show 8"
    return Outcome(folder, next_steps=[step], status=int(not written))


def read(config: DictConfig, source: Path, images: Path, findings: Findings) -> list[Converted]:
    """Read and check the export behind a progress bar."""
    with reading_bar() as bar:
        job = bar.add_task("checking images", total=None)
        return read_export(
            config.format,
            source,
            images,
            findings,
            classes=plain(config.classes),
            workers=config.workers,
            progress=lambda done, total, count: bar.update(job, completed=done, total=total),
        )


def named(name: str | None, found: list[Converted]) -> list[Converted]:
    """Give the sequence the name that it was given on the command line.

    Raises:
        ConfigError: there are several.
    """
    if name is None:
        return found
    if len(found) > 1:
        raise ConfigError(
            f"name is {name!r}, the export holds {', '.join(each.sequence.name for each in found)}; "
            "only a single sequence can be renamed, leave name out"
        )
    return [replace(each, sequence=replace(each.sequence, name=name)) for each in found]


def write(config: DictConfig, found: list[Converted], parent: Path, video_rate: float | None) -> list[Path]:
    """Write the sequences, and say of each what was done.

    Raises:
        ConfigError: nobody says how many frames a second there are.
    """
    written = []
    for each in found:
        rate = config.frame_rate or each.sequence.frame_rate or video_rate
        if not rate:
            raise ConfigError(f"{each.sequence.name}: the export says no frames per second; add frame_rate=...")
        target, is_new = write_mot_sequence(
            each.sequence,
            parent,
            image_size=each.image_size,
            frame_rate=float(rate),
            # frames taken out of a video are there for the while only
            images_as=config.images_as if video_rate is None else "link",
        )
        rows = each.sequence.rows
        people = len(set(rows.ids[rows.ids >= 0].tolist()))
        text = f"{len(each.sequence.images)} frames, {len(rows)} boxes, {people} identities"
        print(f"{target}: {text}" if is_new else f"{target}: is there already")
        written.append(target)
    return written


@contextlib.contextmanager
def no_empty_folder(output: Path) -> Iterator[None]:
    """Take away what was made of the output folder where nothing came to lie in it."""
    made = [folder for folder in (output / "train", output, *output.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # it holds something, or was never made
                folder.rmdir()


@contextlib.contextmanager
def frames_of(config: DictConfig, source: Path, output: Path) -> Iterator[tuple[Path, float | None]]:
    """The folder of images, and the frame rate where a video says it; a video is taken apart for the while.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: a file that is no video.
    """
    beside = source / "images" if (source / "images").is_dir() else source if source.is_dir() else source.parent
    images = Path(config.images).expanduser() if config.images is not None else beside
    if not images.exists():
        raise FileNotFoundError(f"{images}: no such folder or video; images=... names it")
    if images.is_dir():
        yield images, None
        return
    frames = output / ".frames" / images.stem
    if is_locked(frames):
        raise FileExistsError(
            f"{frames}: another command is at work with this video; wait for it, or use another output"
        )
    shutil.rmtree(frames, ignore_errors=True)
    video = VideoSource(images)
    try:
        with whole_folder(frames) as folder, counting_bar() as bar:
            job = bar.add_task("taking the video apart", total=video.frame_count)
            for frame in video:
                _, jpeg = cv2.imencode(".jpg", frame.image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
                (folder / f"{frame.number:06d}.jpg").write_bytes(jpeg.tobytes())
                bar.update(job, completed=frame.number)
        with locked(frames, shared=True):
            yield frames, video.frame_rate
    finally:
        if not is_locked(frames):
            shutil.rmtree(frames, ignore_errors=True)
        with contextlib.suppress(OSError):  # others may be at work in it
            frames.parent.rmdir()


if __name__ == "__main__":
    main()
