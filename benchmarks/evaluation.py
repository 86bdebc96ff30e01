"""Time the evaluation of tracking against TrackEval's: HOTA, CLEAR and identity figures of the same files, in turn.

    pip install --target FOLDER --no-deps trackeval==1.3.0
    python benchmarks/evaluation.py --data $FAIRMOT_DATA/metrics --trackeval FOLDER

Each measurement is a process of its own on one thread. *evaluate* goes from files to figures, *cpu* is the processor's
time in it (steady where other work takes turns), *process* adds Python's start and imports; *peak* is the process's
largest resident memory. The figures must agree, or the benchmark fails.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

COMPARED = ("HOTA", "MOTA", "IDF1", "IDSW")
INSTALL = "pip install --target FOLDER --no-deps trackeval==1.3.0, then --trackeval FOLDER"


def ours(data: Path, benchmark: str, tracker: str) -> dict[str, float]:
    """This package's figures over all sequences."""
    from fairmot_pl import evaluate_tracking

    split = f"{benchmark}-train"
    overall = evaluate_tracking(data / "gt" / split, data / "trackers" / split / tracker / "data").overall
    return {name: float(overall[name]) for name in COMPARED}


def theirs(data: Path, benchmark: str, tracker: str) -> dict[str, float]:
    """TrackEval's, without its printing, plots and files."""
    import trackeval

    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(data / "gt"),
            "TRACKERS_FOLDER": str(data / "trackers"),
            "TRACKERS_TO_EVAL": [tracker],
            "BENCHMARK": benchmark,
            "SEQ_INFO": {file.parent.name: None for file in (data / "gt" / f"{benchmark}-train").glob("*/seqinfo.ini")},
            "PRINT_CONFIG": False,
        }
    )
    quiet = ("PRINT_CONFIG", "PRINT_RESULTS", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES")
    metrics = [trackeval.metrics.HOTA(), *(make({"PRINT_CONFIG": False}) for make in clear_and_identity(trackeval))]
    results = trackeval.Evaluator(dict.fromkeys(quiet, False)).evaluate([dataset], metrics)
    figures = results[0]["MotChallenge2DBox"][tracker]["COMBINED_SEQ"]["pedestrian"]
    flat = {name: value for family in figures.values() for name, value in family.items()}
    return {name: float(flat[name].mean()) if name == "HOTA" else float(flat[name]) for name in COMPARED}


def clear_and_identity(trackeval: Any) -> list[Any]:
    return [trackeval.metrics.CLEAR, trackeval.metrics.Identity]


def measure(tool: str, given: argparse.Namespace) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    paths = [str(given.trackeval)] if given.trackeval and tool == "theirs" else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([*paths, environment.get("PYTHONPATH", "")]).strip(os.pathsep)
    command = [sys.executable, __file__, "--alone", tool, "--data", str(given.data)]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--benchmark", given.benchmark, "--tracker", given.tracker],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        missing = "No module named 'trackeval'" in done.stderr
        raise SystemExit(f"trackeval is not installed: {INSTALL}" if missing else done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "process": time.perf_counter() - start}


def alone(tool: str, data: Path, benchmark: str, tracker: str) -> None:
    """Print one measurement as JSON."""
    if tool == "theirs":
        import trackeval  # noqa: F401  # imports are not part of the evaluation
    else:
        import fairmot_pl.evaluation.tracking  # noqa: F401  # nor here
    start, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        figures = (ours if tool == "ours" else theirs)(data, benchmark, tracker)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(json.dumps({"evaluate": seconds, "cpu": cpu, "peak": peak, "figures": figures}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRMOT_DATA", ".")) / "metrics")
    parser.add_argument("--benchmark", default="MOT17")
    parser.add_argument("--tracker", default="MPNTrack")
    parser.add_argument("--trackeval", type=Path, help="folder that trackeval was installed into")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--alone", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        alone(given.alone, given.data, given.benchmark, given.tracker)
        return
    laps: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    for _ in range(given.repeats):
        for tool, results in laps.items():
            results.append(measure(tool, given))
    for name in COMPARED:
        got, want = (results[0]["figures"][name] for results in laps.values())
        if abs(got - want) > 1e-5:
            raise SystemExit(f"{name} is {got} here and {want} in TrackEval: not the same work, so no comparison")
    middle = {
        tool: {key: median(lap[key] for lap in results) for key in ("evaluate", "cpu", "process", "peak")}
        for tool, results in laps.items()
    }
    print(f"{'':10}{'evaluate':>12}{'cpu':>12}{'process':>12}{'peak':>12}")
    for tool, figures in middle.items():
        seconds = "".join(f"{figures[key]:>10.2f} s" for key in ("evaluate", "cpu", "process"))
        print(f"{tool:10}{seconds}{figures['peak']:>9.0f} MB")
    print(f"{'share':10}" + "".join(f"{value / middle['theirs'][key]:>12.3f}" for key, value in middle["ours"].items()))


if __name__ == "__main__":
    main()
