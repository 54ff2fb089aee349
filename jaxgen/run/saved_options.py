"""The options of a run, read back from its `config.json` and checked as a script's."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from jaxgen.errors import InputError
from jaxgen.run.options import FREE, check_options
from jaxgen.run_files import shown

__all__ = ["as_tuple", "matches_type", "read_options", "type_in_words"]


def read_options(
    path: Path, saved: Mapping[str, Any], script: types.ModuleType
) -> tuple[Any, tuple[str, ...]]:
    """Returns a script's `Config` with the options that a run was made with.

    Args:
        path: The run's `config.json`, for messages.
        saved: Its entry "config".
        script: The module of the script.

    Returns:
        The options, and the names of those that the file does not have, which are
        taken as they are by default now.

    Raises:
        InputError: An option is unknown to the script, or its value is of another type
            than the script's or cannot be used.
    """
    kinds = typing.get_type_hints(script.Config)
    fields = {field.name for field in dataclasses.fields(script.Config)}
    unknown = sorted(set(saved) - fields)
    if unknown:
        raise InputError(
            f"{path} has the options {', '.join(unknown)[:200]}, which "
            f"{script.__name__} has not: another version wrote it; evaluate the run "
            "with that one, or train anew."
        )
    given = {name: as_tuple(value) for name, value in saved.items()}
    for name, value in given.items():
        if not matches_type(value, kinds[name]):
            raise InputError(
                f"{path}: the option {name!r} is {shown(saved[name])}; "
                f"{type_in_words(kinds[name])} was expected; restore the file, or "
                "train anew."
            )
    config = script.Config(**given)
    try:
        check_options(config)
    except InputError as error:
        raise InputError(
            f"{path} has an option that cannot be used: {error}"
        ) from error
    return config, tuple(sorted(fields - set(saved) - FREE))


def matches_type(value: Any, kind: Any) -> bool:
    """Whether a value is of the type of an option.

    A whole number fits a float. True is no number, and 1.0 no whole number.

    Args:
        value: From JSON, with tuples in place of lists.
        kind: The annotation of the option: a type, a Literal, a tuple, or a union.

    Examples:
        >>> matches_type((1, 2), tuple[int, ...] | None), matches_type(True, int)
        (True, False)
    """
    parts = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return any(matches_type(value, part) for part in parts)
    if get_origin(kind) is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is ...:
            return all(matches_type(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(matches_type, value, parts))
    if kind is float:
        return type(value) in (float, int)
    return type(value) is kind or (value is None and kind is types.NoneType)


def type_in_words(kind: Any) -> str:
    """Returns what an option takes, in words.

    Examples:
        >>> type_in_words(tuple[int, ...] | None)
        'a list (each a whole number), or null'
    """
    parts = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return ", or ".join(map(type_in_words, parts))
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, parts))}"
    if get_origin(kind) is tuple:
        if parts[-1] is ...:
            return f"a list (each {type_in_words(parts[0])})"
        return f"a list of {len(parts)}: {', '.join(map(type_in_words, parts))}"
    words = {
        int: "a whole number",
        float: "a number",
        str: "a text",
        bool: "true or false",
        types.NoneType: "null",
    }
    return words.get(kind) or f"a {kind.__name__}"


def as_tuple(value: Any) -> Any:
    """Returns a value of JSON, which has no tuples, with tuples in place of lists."""
    return tuple(map(as_tuple, value)) if isinstance(value, list) else value
