"""Hold a configuration against the signatures it is meant for, and name the nearest valid key."""

from __future__ import annotations

import collections.abc
import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf


class ConfigError(ValueError):
    """A configuration that cannot be meant; the message names the key, what was given and what is allowed."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing where no allowed word is near."""
    found = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {found[0]!r}?" if found else ""


def check_keys(given: Iterable[str], allowed: Iterable[str], where: str) -> None:
    """Refuse keys that are not allowed.

    Raises:
        ConfigError: naming the first such key, the nearest valid one and all that are valid.
    """
    allowed = sorted(allowed)
    for key in given:
        if key not in allowed:
            dotted = f"{where}.{key}" if where else key
            raise ConfigError(f"unknown key {dotted!r}.{nearest(key, allowed)} Allowed here: {', '.join(allowed)}")


def check_given(config: DictConfig, keys: Iterable[str], entry: str) -> None:
    """Refuse a configuration that lacks what a command cannot do without.

    Args:
        config: of an entry.
        keys: dotted.
        entry: whose `--help` tells more.

    Raises:
        ConfigError: naming the first such key.
    """
    for key in keys:
        node, _, name = key.rpartition(".")
        if OmegaConf.is_missing(config[node] if node else config, name):
            raise ConfigError(f"{key} is missing; add {key}=... (python -m fairmot_pl.{entry} --help shows an example)")


def check_call(
    values: Mapping[str, Any],
    target: Callable[..., Any],
    where: str,
    *,
    names: Mapping[str, str] | None = None,
) -> None:
    """Check keyword arguments against the names and annotations of `target`.

    Args:
        values: the keywords.
        target: a function or class.
        where: dotted configuration node that the keywords come from.
        names: full dotted name of a keyword, where it is not `where.keyword`.

    Raises:
        ConfigError: an unknown key or a value of the wrong type.
    """
    function = target.__init__ if inspect.isclass(target) else target
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    takes_any = any(p.kind == p.VAR_KEYWORD for p in inspect.signature(target).parameters.values())
    if not takes_any:
        check_keys(values, parameters, where)
    hints = typing.get_type_hints(function)
    for key, value in values.items():
        if key in hints and not fits(value, hints[key]):
            dotted = (names or {}).get(key, f"{where}.{key}" if where else key)
            raise _mismatch(dotted, value, hints[key])


def check_values(
    values: Mapping[str, Any], kinds: Mapping[str, Any], *, nodes: Iterable[str] = (), where: str = ""
) -> None:
    """Check the plain keys of a node against a table of types.

    Args:
        values: the configuration.
        kinds: key to annotation.
        nodes: keys that are checked elsewhere.
        where: dotted name of the node; empty for the root.

    Raises:
        ConfigError: an unknown key or a value of the wrong type.
    """
    check_keys(values, {*kinds, *nodes}, where)
    for key, kind in kinds.items():
        if not fits(values.get(key), kind):
            dotted = f"{where}.{key}" if where else key
            raise _mismatch(dotted, values.get(key), kind)


def _mismatch(key: str, value: Any, hint: Any) -> ConfigError:
    as_list = f", such as {key}=[{value}]" if fits([value], hint) else ""
    return ConfigError(f"{key} is {value!r}; expected {describe(hint)}{as_list}")


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain value can be what an annotation asks for. Unknown annotations let everything pass."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, typing.TypeVar):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable, tuple):
        if isinstance(value, str | bytes) or not isinstance(value, list | tuple):
            return False
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return not inner or all(fits(item, inner[0]) for item in value)
    if origin in (dict, collections.abc.Mapping):
        return isinstance(value, Mapping) and (
            not arguments or all(fits(item, arguments[1]) for item in value.values())
        )
    if hint is type(None):
        return value is None
    if hint is bool:
        return isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is str:
        return isinstance(value, str)
    return True


def describe(hint: Any) -> str:
    """An annotation in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(option) for option in arguments))
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable, tuple):
        return f"a list of {describe(arguments[0])}" if arguments else "a list"
    if origin in (dict, collections.abc.Mapping):
        return "key: value pairs"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))
