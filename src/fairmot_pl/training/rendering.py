"""Progress while the synthetic world is drawn."""

from __future__ import annotations

from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class RenderingBar:
    """Context manager whose value reports sequence, frames done and frames in all to a bar a sequence."""

    def __init__(self) -> None:
        columns = (
            TextColumn("rendering {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns)
        self._jobs: dict[str, int] = {}

    def __enter__(self) -> RenderingBar:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """One more frame is there."""
        if name not in self._jobs:
            self._jobs[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._jobs[name], completed=done)  # type: ignore[arg-type]
