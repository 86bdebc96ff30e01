"""Write synthetic street sequences as MOTChallenge folders, with exact ground truth and without any download.

    from fairmot_pl.data.synthetic import render_dataset
    folders = render_dataset("data/synthetic", train=4, val=2, people=20, lookalikes=0.3, seed=7)

Each sequence is rendered aside and renamed into place when it is whole: stopping loses only the sequence at
hand, two processes may render the same set, and what is there already is not rendered again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fairmot_pl.data.synthetic_config import RENDERER, SyntheticConfig
from fairmot_pl.data.synthetic_frames import SyntheticScene
from fairmot_pl.files import write_text
from fairmot_pl.mot_format import write_mot
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo

MARKER = "synthetic.json"
"""Written last into a sequence's folder: the settings it was rendered with, and who wears whose clothes."""

FIRST_VAL = 101
"""Number of the first validation sequence: whatever the counts, none is ever a training sequence too."""

OF_THE_SET = ("train", "val", "val_frames", "val_frame_rate")
"""Settings of `render_dataset` that no scene of it has."""

_JPEG_QUALITY = 90
_OWN_NAME = re.compile(r"SYN-\d+")
_ABANDONED = 3600.0  # seconds without a write after which somebody's unfinished folder is swept up


def dataset_folder(root: Path | str, config: SyntheticConfig) -> Path:
    """A folder under `root` of its own for these settings, so that changed settings never meet old images."""
    return Path(root) / f"synthetic-{config.fingerprint()}"


def sequence_config(config: SyntheticConfig, number: int) -> SyntheticConfig:
    """The data set's settings with the seed of its sequence `number` (from 1)."""
    state = np.random.SeedSequence((config.seed, number)).generate_state(1, np.uint64)
    return replace(config, seed=int(state[0] >> np.uint64(1)))


def render_dataset(
    root: Path | str,
    *,
    train: int,
    val: int,
    seed: int = 0,
    frames: int = 200,
    val_frames: int | None = None,
    image_size: Sequence[int] = (360, 640),
    frame_rate: float = 30.0,
    val_frame_rate: float | None = None,
    people: int = 16,
    occluders: int = 5,
    lookalikes: float = 0.2,
    camera_motion: float = 0.0,
    light_change: float = 0.2,
    walking_speed: float = 1.3,
    noise: float = 2.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Render sequences `root/train/SYN-01`... and `root/val/SYN-101`...; finished ones stay as they are.

    Each has a seed of its own, so nobody of a training sequence is seen in a validation sequence. A sequence
    depends on the settings and its number alone: asking for more later adds to the same folder.

    Args:
        root: folder of the data set; `dataset_folder` gives one that is named after the settings.
        train: how many sequences to train on, at most 100.
        val: how many to validate on.
        seed: of the data set.
        frames: as `SyntheticConfig`, like all that follow.
        val_frames: frames of a validation sequence; None = `frames`. Many short sequences teach more than few long
            ones, but a tracker is only tested by long ones.
        image_size: `(height, width)` in pixels.
        frame_rate: frames per second.
        val_frame_rate: of the validation sequences; None = `frame_rate`. A few frames far apart show a person larger,
            smaller and in other light, and teach an embedding more than as many that are nearly the same.
        people: about how many are in view.
        occluders: things that hide people.
        lookalikes: share of people dressed like somebody else.
        camera_motion: 0 = fixed to 1 = wide hand-held pan.
        light_change: 0 = constant to 1 = strong drift.
        walking_speed: metres per second.
        noise: standard deviation in grey levels.
        progress: called after each frame with sequence name, frames done, frames in all.

    Returns:
        The sequences' folders in order; `[:train]` are for training.

    Raises:
        ValueError: a setting is refused, a count is negative or both are 0, or a folder holds a sequence
            rendered with other settings.
        FileExistsError: a sequence's folder is somebody else's.
        OSError: the disk is full or not writable.
    """
    for split, count in (("train", train), ("val", val)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise ValueError(f"{split} is {count!r}; it must be a whole number of sequences, 0 or more")
    if train >= FIRST_VAL:
        raise ValueError(f"train is {train}; at most {FIRST_VAL - 1} sequences are possible")
    if train + val == 0:
        raise ValueError("train and val are both 0; ask for at least one sequence")
    config = SyntheticConfig(
        frames=frames,
        image_size=image_size,  # type: ignore[arg-type]  # any sequence is accepted and checked
        frame_rate=frame_rate,
        people=people,
        occluders=occluders,
        lookalikes=lookalikes,
        camera_motion=camera_motion,
        light_change=light_change,
        walking_speed=walking_speed,
        noise=noise,
        seed=seed,
    )
    folders = []
    seen_otherwise: dict[str, Any] = {"frames": val_frames, "frame_rate": val_frame_rate}
    validation = replace(config, **{key: value for key, value in seen_otherwise.items() if value is not None})
    jobs = [
        *(("train", number + 1, config) for number in range(train)),
        *(("val", number + FIRST_VAL, validation) for number in range(val)),
    ]
    for split, number, scene in jobs:
        name = f"SYN-{number:02d}"
        report = None if progress is None else partial(progress, name)
        folders.append(render_sequence(Path(root) / split, name, sequence_config(scene, number), report))
    return folders


def render_sequence(
    folder: Path | str,
    name: str,
    config: SyntheticConfig,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render one sequence into `folder/name`, unless it is there already.

    Ground truth has a row for everybody whose amodal box meets the image, hidden people (visibility 0) too,
    with flag 1 and class 1. Whoever a moving camera loses and finds again keeps their id.

    Args:
        folder: the folder of sequences, for instance `root/train`.
        name: the sequence's name.
        config: what to render.
        progress: called after each frame with frames done and frames in all.

    Returns:
        `folder/name`.

    Raises:
        ValueError: the folder was rendered with other settings.
        FileExistsError: the folder exists, and was not made here.
        OSError: the disk is full or not writable.
    """
    folder = Path(folder)
    target = folder / name
    if _is_finished(target, config):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder, name)
    # one level deeper than the target, so that whoever lists the folder does not take it for a sequence
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".partial", dir=folder))
    try:
        _write(scratch / name, name, config, progress)
        _put_in_place(scratch / name, target, config)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _write(folder: Path, name: str, config: SyntheticConfig, progress: Callable[[int, int], None] | None) -> None:
    scene = SyntheticScene(config)
    images = folder / "img1"
    images.mkdir(parents=True)
    rows = []
    for index in range(config.frames):
        frame = scene.frame(index)
        _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        (images / f"{index + 1:06d}.jpg").write_bytes(jpeg.tobytes())
        block = np.ones((len(frame.ids), 9))  # flag and class are 1
        block[:, 0], block[:, 1] = index + 1, frame.ids
        block[:, 2:6] = frame.boxes.round(2)
        block[:, 8] = frame.visibility.round(4)
        rows.append(block)
        if progress is not None:
            progress(index + 1, config.frames)
    write_mot(folder / "gt" / "gt.txt", np.concatenate(rows))
    info = SequenceInfo(name, config.frame_rate, config.frames, config.image_size)
    write_seqinfo(folder / "seqinfo.ini", info)
    people = (scene.wardrobe.person(walk.identity) for walk in scene.walks)
    twins = {str(person.identity): person.twin_of for person in people if person.twin_of is not None}
    facts = {"renderer": RENDERER, "config": config.as_dict(), "twins": twins}
    write_text(folder / MARKER, json.dumps(facts, indent=2) + "\n")


def _is_finished(folder: Path, config: SyntheticConfig) -> bool:
    """Whether a whole sequence with these settings lies there; False if it is missing or has to be redone."""
    if not folder.exists():
        return False
    try:
        facts = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        renderer, settings = facts["renderer"], dict(facts["config"])
    except (OSError, ValueError, KeyError, TypeError):
        if _OWN_NAME.fullmatch(folder.name) or (folder.is_dir() and not any(folder.iterdir())):
            return False
        raise FileExistsError(
            f"{folder} exists without {MARKER}, so it was not made here; choose another name or delete it"
        ) from None
    wanted = {"renderer": RENDERER, **config.as_dict()}
    given = {"renderer": renderer, **settings}
    changed = [f"{key} {given.get(key)} there, {value} now" for key, value in wanted.items() if given.get(key) != value]
    if changed:
        raise ValueError(
            f"{folder} was rendered with other settings ({'; '.join(changed)}); "
            "delete it, or give each setting a folder of its own as dataset_folder(root, config) does"
        )
    images = sum(1 for _ in (folder / "img1").glob("*.jpg"))
    texts = folder / "gt" / "gt.txt", folder / "seqinfo.ini"
    return images == config.frames and all(text.is_file() for text in texts)


def _put_in_place(scratch: Path, target: Path, config: SyntheticConfig) -> None:
    """Rename the finished folder to its name; where another process was first, its equal one stays."""
    for _ in range(5):
        try:
            os.rename(scratch, target)
            return
        except OSError:
            if not target.exists():
                raise
        if _is_finished(target, config):
            return
        # a broken sequence is moved out of the way first, so that no reader meets a half-deleted one
        rubbish = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        try:
            os.rename(target, rubbish / target.name)
        except FileNotFoundError:
            pass  # another process was doing the same
        finally:
            shutil.rmtree(rubbish, ignore_errors=True)
    raise OSError(f"{target} could not be put in place: something keeps writing there; choose another folder")


def _sweep(folder: Path, name: str) -> None:
    """Delete what renderings of this sequence that were killed have left behind."""
    for leftover in folder.glob(f".{name}.*.partial"):
        parts = [path for path in (leftover, leftover / name / "img1") if path.exists()]
        newest = max((path.stat().st_mtime for path in parts), default=0.0)

        if time.time() - newest > _ABANDONED:
            shutil.rmtree(leftover, ignore_errors=True)
