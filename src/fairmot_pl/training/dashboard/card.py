"""Who a run is on every board, so that it stays one run when it is resumed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fairmot_pl.files import write_text

FILE = "logger.json"
TAG_LENGTH = 64
"""Characters of a tag that wandb takes."""


@dataclass(frozen=True, kw_only=True)
class RunCard:
    """What a run is called and what it belongs to.

    Args:
        id: of the run, the same on every board.
        name: to be shown.
        job_type: `"train"`, `"evaluate"` or `"tune"`.
        group: the sweep it belongs to.
        tags: short words to filter by.
        store: folder that the boards' files go to, relative to the run's; the jobs of a sweep share one.
    """

    id: str
    name: str
    job_type: str
    group: str | None
    tags: tuple[str, ...]
    store: str

    @classmethod
    def of(
        cls, folder: Path, *, name: str, job_type: str, group: str | None, tags: Sequence[str], store: Path
    ) -> RunCard:
        """The card in a run's folder; a new run gets one, a resumed one keeps its own and takes further tags.

        Args:
            folder: the run's.
            name: see the class, as the others.
            job_type: a card of another kind of job is replaced.
            group: see the class.
            tags: cut to what boards take.
            store: an existing folder, the run's own or one above it.

        Raises:
            ValueError: the card in the folder is broken.
        """
        found = _read(folder / FILE)
        cut = [tag[:TAG_LENGTH] for tag in tags if tag]
        if found is None or found.job_type != job_type:
            card = cls(
                id=secrets.token_hex(4),
                name=name,
                job_type=job_type,
                group=group,
                tags=tuple(dict.fromkeys(cut)),
                store=os.path.relpath(store, folder),
            )
        else:
            card = replace(found, tags=tuple(dict.fromkeys([*found.tags, *cut])))
        if card != found:
            write_text(folder / FILE, json.dumps(asdict(card), indent=2) + "\n")
        return card


def _read(path: Path) -> RunCard | None:
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return RunCard(**{**content, "tags": tuple(content["tags"])})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is broken ({' '.join(str(error).split())}); remove it, and the run becomes a new one on its boards"
        ) from error
