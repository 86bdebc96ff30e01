"""Time a search of tracker settings on recorded outputs: real detection streams, as `tune` would replay them.

    python benchmarks/tuning.py --data $FAIRMOT_DATA/streams --trials 200

Two folds, so that each frame is searched on by one of them: 200 trials are 200 times every frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
from omegaconf import OmegaConf
from recorded_streams import recorded_frames

from fairmot_pl.config.folders import conf_dir
from fairmot_pl.inference.cache import RecordedFrame
from fairmot_pl.inference.replay import RecordedSequence
from fairmot_pl.mot_format import read_mot
from fairmot_pl.reporting.tuning_report import figures_text, verdict
from fairmot_pl.structures import FrameOutput
from fairmot_pl.tuning.folds import make_folds
from fairmot_pl.tuning.objective import Objective
from fairmot_pl.tuning.outcome import conclude
from fairmot_pl.tuning.search import FoldSearch, open_storage, run_searches
from fairmot_pl.tuning.space import SearchSpace, complete
from fairmot_pl.tuning.trials import Replays


def stream(path: Path) -> RecordedSequence:
    """A detection stream as a recorded sequence."""
    seen, frame_rate = recorded_frames(path)
    nobody = {"truth_embeddings": np.zeros((0, 128)), "truth_identities": np.zeros(0)}
    frames = [
        RecordedFrame(number, FrameOutput(detections=detections, **nobody)) for number, detections in enumerate(seen, 1)
    ]
    name = path.stem.removesuffix("_oracle")
    truth = read_mot(path.parent / "gt" / f"{name}.txt")
    return RecordedSequence(name=name, frames=frames, truth=truth, frame_rate=frame_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with SEQ.npz and gt/SEQ.txt")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--association", default="fairmot")
    parser.add_argument("--oracle", action="store_true", help="the streams made of noisy ground truth")
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    paths = [path for path in sorted(given.data.glob("*.npz")) if path.stem.endswith("_oracle") == given.oracle]
    sequences = [stream(path) for path in paths]
    tracker = complete({"association": given.association})
    ranges = OmegaConf.to_container(OmegaConf.load(conf_dir() / "tune.yaml").space)
    space = SearchSpace.of(ranges, tracker)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Replays(sequences, given.workers) as replays:
        searches = [
            FoldSearch(
                fold,
                name=f"fold {index}",
                storage=open_storage(Path(folder) / "trials.log"),
                tracker=tracker,
                space=space,
                objective=Objective.of("HOTA"),
                seed=317,
                made_of={},
            )
            for index, fold in enumerate(make_folds(sequences, given.folds), start=1)
        ]
        run_searches(searches, replays, given.trials, done=lambda index, trial: None)
        searched = time.perf_counter() - started
        outcome = conclude(searches, replays)
    frames = sum(map(len, sequences))
    print(f"{given.trials} trials on {frames} frames, {given.workers} processes: {searched:.1f} s")
    print(figures_text(outcome))
    print(verdict(outcome))
    print({name: outcome.settings[name] for name in space.distributions})


if __name__ == "__main__":
    main()
