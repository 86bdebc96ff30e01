"""`python -m fairmot_pl.track`: put a checkpoint on a video or a folder of images."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fairmot_pl.config.build import as_trained, check_tracker
from fairmot_pl.config.check import ConfigError, check_values
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command
from fairmot_pl.inference.detector import Detector
from fairmot_pl.inference.drawing import Trails
from fairmot_pl.inference.tracking import TrackedVideo, track_source
from fairmot_pl.inference.video import FrameSource, open_source
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.models.weights import load_fairmot
from fairmot_pl.mot_format import write_mot, write_text
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.checkpoint import find_checkpoint, trained_input_size
from fairmot_pl.training.provenance import environment, write_provenance

KEYS = {
    "name": str,
    "source": str,
    "checkpoint": str,
    "input_size": list[int] | None,
    "device": str,
    "precision": str,
    "detection_threshold": float,
    "frame_rate": float | None,
    "max_frames": int | None,
    "min_box_area": float,
    "max_aspect_ratio": float,
    "video": bool,
    "video_max_side": int | None,
}


def main() -> None:
    """Console entry."""
    run_command("track", track, check)


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    for key in ("source", "checkpoint"):
        if OmegaConf.is_missing(config, key):
            raise ConfigError(f"{key} is missing; add {key}=... (python -m fairmot_pl.track --help shows an example)")
    check_values(plain(config), KEYS, nodes=("tracker",))
    check_tracker(config)


def track(config: DictConfig) -> Outcome:
    """Track one source and write rows, video, timings."""
    folder = output_folder()
    source = open_source(config.source, frame_rate=config.frame_rate)
    checkpoint = find_checkpoint(config.checkpoint)
    config = as_trained(config, checkpoint)
    input_size = plain(config.input_size) or trained_input_size(checkpoint) or (608, 1088)
    detector = Detector(
        load_fairmot(checkpoint),
        input_size=tuple(input_size),
        score_threshold=config.detection_threshold,
        device=config.device,
        precision=config.precision,
    )
    tracker = OnlineTracker(frame_rate=source.frame_rate, **plain(config.tracker))
    write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    write_provenance(
        folder, {"environment": environment(), "data": {"source": source.name, "checkpoint": str(checkpoint)}}
    )
    tracked = run(config, detector, tracker, source, folder)
    write_mot(folder / f"{source.name}.txt", tracked.rows)
    ids = len(set(tracked.rows[:, 1].tolist()))
    figures = {
        **tracked.timings.flat(),
        "tracks": float(ids),
        "boxes": float(len(tracked.rows)),
        "interrupted": float(tracked.interrupted),
    }
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    print(f"{ids} tracks, {len(tracked.rows)} boxes; {tracked.timings}")
    if tracked.interrupted:
        print("stopped by Ctrl-C: the files hold what was tracked until then")
    if tracked.problem:
        raise OSError(f"{tracked.problem}; what was tracked until then is in {folder}")
    steps = [f"open {folder / f'{source.name}.mp4'}"] if config.video else []
    return Outcome(
        folder,
        next_steps=[*steps, f"read {folder / f'{source.name}.txt'} (frame,id,left,top,width,height,score)"],
    )


def run(
    config: DictConfig, detector: Detector, tracker: OnlineTracker, source: FrameSource, folder: Path
) -> TrackedVideo:
    """Run the online loop behind a progress bar; what was tracked before Ctrl-C is kept."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        bar = stack.enter_context(Progress(*columns))
        job = bar.add_task(source.name, total=config.max_frames or source.frame_count)
        writer = None
        if config.video:
            path = folder / f"{source.name}.mp4"
            writer = stack.enter_context(
                VideoWriter(path, frame_rate=source.frame_rate, max_side=config.video_max_side)
            )
        return track_source(
            detector,
            tracker,
            source,
            writer=writer,
            trails=Trails() if config.video else None,
            min_area=config.min_box_area,
            max_aspect=config.max_aspect_ratio,
            max_frames=config.max_frames,
            progress=lambda number, total: bar.update(job, completed=number),
        )


if __name__ == "__main__":
    main()
