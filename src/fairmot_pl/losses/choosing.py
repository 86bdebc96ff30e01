"""Parts of the loss by name, each with the options that its constructor takes."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

_Kind = TypeVar("_Kind")


def chosen(
    what: str, name: str, kinds: Mapping[str, type[_Kind]], options: Iterable[str], *, given: Collection[str] = ()
) -> type[_Kind]:
    """The class of a name, which takes these options.

    Args:
        what: is chosen, for messages.
        name: a key of `kinds`.
        kinds: what there is.
        options: names of keywords of its constructor.
        given: those that are no options, as every kind is given them.

    Raises:
        ValueError: an unknown name or option; all that are known are named.
    """
    if name not in kinds:
        raise ValueError(f"{what} is {name!r}; allowed: {', '.join(kinds)}")
    allowed = [option for option in inspect.signature(kinds[name]).parameters if option not in given]
    unknown = [option for option in options if option not in allowed]
    if unknown:
        raise ValueError(f"{what} {name!r} has no option {', '.join(unknown)}; allowed: {', '.join(allowed) or 'none'}")
    return kinds[name]
