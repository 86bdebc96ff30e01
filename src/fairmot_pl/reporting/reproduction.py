"""A run and its repetition: the first thing in which they part, and what may have caused it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmot_pl.files import write_text
from fairmot_pl.reporting.environment_changes import Change, environment_changes, suspects
from fairmot_pl.reporting.repetition_parts import (
    Difference,
    compare_batch,
    compare_configuration,
    compare_curves,
    compare_data,
    compare_metrics,
    compare_steps,
    compare_weights,
)
from fairmot_pl.reporting.run_records import CAPSULE_NAME, FILES_NAME, read_record, read_run


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What comes of repeating a run.

    Args:
        names: folders of the run and of its repetition.
        compared: what was held against each other, in words.
        differences: in the order in which a run goes through its parts; empty if it repeats.
        changes: what is otherwise than at the time; it need not matter.
        unknown: what the run does not record, so that nothing can be said of it.
    """

    names: tuple[str, str]
    compared: tuple[str, ...]
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    unknown: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether everything that was compared is the same, bit for bit."""
        return not self.differences

    def text(self) -> str:
        """All of it for a terminal."""
        blocks = [f"run         {self.names[0]}\nrepetition  {self.names[1]}"]
        others = list(self.changes)
        if self.identical:
            blocks.append("identical: " + "; ".join(self.compared))
        else:
            first, *rest = self.differences
            blocks.append("\n".join([f"first difference: {first.part}", *(f"  {line}" for line in first.lines)]))
            causes = suspects(first.kind, self.changes)
            others = [change for change in self.changes if change not in causes]
            if causes:
                blocks.append("what may have caused it, as it changed since:\n" + _listed(causes))
            if rest:
                blocks.append("after that differ:\n" + "\n".join(f"  {each.part}: {each.lines[0]}" for each in rest))
        if others:
            effect = ", without effect on these figures" if self.identical else " changed"
            blocks.append(f"{'changed since' if self.identical else 'also'}{effect}:\n" + _listed(others))
        if self.unknown:
            blocks.append(f"not compared, since not recorded: {', '.join(self.unknown)}")
        return "\n\n".join(blocks)

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "identical": self.identical,
            "first_difference": self.differences[0].part if self.differences else None,
            "differences": [{"part": each.part, "lines": list(each.lines)} for each in self.differences],
            "suspects": [change.text for change in suspects(self.differences[0].kind, self.changes)]
            if self.differences
            else [],
            "changed_since": [change.text for change in self.changes],
            "compared": list(self.compared),
            "not_recorded": list(self.unknown),
        }

    def write(self, folder: Path) -> None:
        """Write `reproduction.txt` and `reproduction.json`."""
        write_text(folder / "reproduction.txt", self.text() + "\n")
        write_text(folder / "reproduction.json", json.dumps(self.as_dict(), indent=2) + "\n")


def compare_repetition(original: Path, repeated: Path, *, whole: bool) -> Reproduction:
    """Hold a repetition against the run that it repeats.

    Args:
        original: the run's folder.
        repeated: the repetition's.
        whole: whether it went to the end, so that metrics can be compared.
    """
    runs = (read_run(original), read_run(repeated))
    capsules = (read_record(original, CAPSULE_NAME), read_record(repeated, CAPSULE_NAME))
    files = (read_record(original, FILES_NAME), read_record(repeated, FILES_NAME))

    def kept(key: str) -> Iterator[Any]:
        return (capsule[key] for capsule in capsules)

    parts: list[tuple[str, bool, Callable[[], tuple[str, list[Difference]]]]] = [
        ("configuration", bool(capsules[0].get("config")), lambda: compare_configuration(capsules[0], runs[0])),
        ("data", all(files), lambda: compare_data(*files)),
        ("initial weights", _both(capsules, "weights"), lambda: compare_weights(*kept("weights"))),
        ("first batch", _both(capsules, "first_batch"), lambda: compare_batch(*kept("first_batch"))),
        ("losses of steps", _both(capsules, "steps"), lambda: compare_steps(*kept("steps"))),
        ("logged losses", all(run.log() for run in runs), lambda: compare_curves(*runs)),
    ]
    if whole:
        parts.append(("metrics", not any(run.failed for run in runs), lambda: compare_metrics(*runs)))
    compared: list[str] = []
    differences: list[Difference] = []
    for _, _, look in (part for part in parts if part[1]):
        said, found = look()
        differences += found
        compared += [said] if said else []
    return Reproduction(
        names=(str(original), str(repeated)),
        compared=tuple(compared),
        differences=tuple(differences),
        changes=tuple(environment_changes(runs, (capsules[0].get("code", {}), capsules[1].get("code", {})))),
        unknown=tuple(name for name, known, _ in parts if not known),
    )


def _both(capsules: Iterable[Mapping[str, Any]], key: str) -> bool:
    return all(capsule.get(key) for capsule in capsules)


def _listed(changes: Iterable[Change]) -> str:
    return "\n".join(f"  {change.text}" for change in changes)
