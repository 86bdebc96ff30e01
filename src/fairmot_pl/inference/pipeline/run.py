"""Track several sources at once with one network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fairmot_pl.inference.pipeline.exchange import Exchange
from fairmot_pl.inference.pipeline.lanes import WAITING, Lane, StagedDetector, Waiting
from fairmot_pl.inference.pipeline.timings import StageClock

FILES_AT_ONCE = 2
"""Files that are read at once: while one begins or ends, the network has the other. Live sources all run at once."""


def run_lanes(
    detector: StagedDetector,
    lanes: Sequence[Lane],
    clock: StageClock,
    *,
    progress: Callable[[Lane], None] | None = None,
) -> bool:
    """Track every source from its first to its last frame. The network runs in the calling thread.

    Each lane has a thread that reads and prepares and one that associates, draws and writes, with a few frames
    waiting between them. Results are those of one frame after the other. A source that breaks ends its lane alone
    (`Lane.problem`); everything else that goes wrong in any thread ends the run, after the files are closed.

    Args:
        detector: the network.
        lanes: the sources.
        clock: of the followers.
        progress: called after each frame that the network is done with, and once when a lane ends.

    Returns:
        Whether Ctrl-C ended the run: what was tracked by then is in the files.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first frame was done.
        Exception: what a thread raised.
    """
    exchange: Exchange[Waiting] = Exchange(WAITING)
    pending = [lane for lane in lanes if not lane.source.live]
    running: list[Lane] = []

    def start(some: Sequence[Lane]) -> None:
        for lane in some:
            running.append(lane)
            lane.start(detector, exchange)

    interrupted = False
    try:
        start([lane for lane in lanes if lane.source.live])
        start([pending.pop(0) for _ in range(min(FILES_AT_ONCE, len(pending)))])
        while running:
            lane, waiting = exchange.take()
            assert isinstance(lane, Lane)
            if waiting is None:
                running.remove(lane)
                lane.no_more()
                if pending and not lane.source.live:
                    start([pending.pop(0)])
            else:
                _look(detector, lane, waiting, clock)
            if progress is not None:
                progress(lane)
    except KeyboardInterrupt:
        interrupted = True
        if not any(lane.taken for lane in lanes):
            raise
    finally:
        exchange.stop()
        for lane in running:
            lane.source.close()
            lane.no_more()
        for lane in lanes:
            lane.join()
    exchange.check()
    return interrupted


def _look(detector: StagedDetector, lane: Lane, waiting: Waiting, clock: StageClock) -> None:
    if lane.taken == lane.max_frames:
        return
    frame, prepared = waiting
    if prepared is None:
        with clock.time("prepare"):
            prepared = detector.prepare([frame.image])
    with clock.time("network"):
        sight = detector.network(prepared)
        detector.wait()
    with clock.time("decode"):
        (detections,) = detector.decode(sight, prepared.letterboxes)
    lane.hand_on(frame, detections)
    lane.taken += 1
    if lane.taken == lane.max_frames:
        lane.source.close()
