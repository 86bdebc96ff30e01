"""Progress while the synthetic world is drawn."""

from __future__ import annotations

from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class RenderingBar:
    """Context manager that shows one bar over the frames of all sequences.

    Args:
        frames: of all sequences together.
    """

    def __init__(self, frames: int) -> None:
        columns = (TextColumn("rendering {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns)
        self._job = self._bar.add_task("", total=frames)

    def __enter__(self) -> RenderingBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Frame `done` of `total` of a sequence is there. Where all are there already, no bar is shown."""
        self._bar.start()
        self._bar.update(self._job, description=name, advance=1)
