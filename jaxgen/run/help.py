"""The help of a script: thirty lines that teach, the rest on request."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

from jaxgen.run.options import flag_of

__all__ = ["LINES", "short_help"]

LINES = 30
"""Lines of the short help, at most."""

_WIDTH = 79

_FIRST = ("data", "epochs", "steps", "latents", "seed", "devices", "output", "name")
_FIRST += ("resume",)
"""Options that every script has under one name come before its own."""

_RARE = {"data_dir", "train_split", "resident", "parallel", "steps_per_call"}
_RARE |= {"seconds_between_checkpoints", "compilation_cache", "image_size"}
"""Options that are only named: few runs need them."""


def short_help(
    config: type, prog: str, description: str, examples: Mapping[str, str]
) -> str:
    """Returns what `--help` prints: the first sentence, examples, the main options.

    Args:
        config: The dataclass of options, with a docstring under each field.
        prog: The command, such as "python -m experiments.vae".
        description: Its first paragraph is shown.
        examples: What to type after the command, each with what it does.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}
    places = [name for name in fields if _is_positional(config, name)]
    usage = " ".join([prog, *map(str.upper, places), "[OPTIONS]"])
    lines = [f"usage: {usage}", ""]
    lines += textwrap.wrap(description.split("\n\n")[0], _WIDTH) or [prog]
    for words, meaning in examples.items():
        lines.append(f"  {words or 'without options':<40} {meaning}")
    docs = documents(config)
    if places:
        lines.append("")
    lines += [_cut(f"  {name.upper():<18}{docs.get(name, '')}") for name in places]
    fields = {name: field for name, field in fields.items() if name not in places}
    shared = [name for name in _FIRST if name in fields]
    own = [name for name in fields if name not in {*shared, *_RARE}]
    names = [*shared, *own, *(name for name in fields if name in _RARE)]
    table = [
        _cut(f"  {flag_of(n) + ' ':<18}{_summary(fields[n], docs.get(n, ''))}")
        for n in names
    ]
    for count in range(len([*shared, *own]), -1, -1):
        rest = ", ".join(map(flag_of, names[count:]))
        also = f"Also: {rest}." if rest else ""
        tail = textwrap.wrap(also, _WIDTH, break_on_hyphens=False)
        tail.append(f"Every option in full: {prog} --help-all")
        text = [*lines, "", *table[:count], *tail]
        if len(text) <= LINES:
            break
    return "\n".join(text)


def _is_positional(config: type, name: str) -> bool:
    """Whether a field is given by its place, as tyro's `Positional` says."""
    for one in config.__mro__:
        if name in getattr(one, "__annotations__", {}):
            kind = one.__annotations__[name]
            kinds = getattr(kind, "__metadata__", ())
            return any("POSITIONAL" in str(marker).upper() for marker in kinds)
    return False


def documents(config: type) -> dict[str, str]:
    """Returns the docstring under each field of a dataclass and of its bases."""
    found: dict[str, str] = {}
    for one in reversed(config.__mro__):
        if not dataclasses.is_dataclass(one):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(tree, ast.ClassDef)
        for field, text in zip(tree.body, tree.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                words = str(text.value.value).split()
                found[field.target.id] = " ".join(words)
    return found


def _summary(field: dataclasses.Field[Any], text: str) -> str:
    default = field.default
    if default is dataclasses.MISSING or default in (None, (), "", False):
        return text
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    return f"[{default}] {text}"


def _cut(line: str) -> str:
    """Cuts a line that is too wide, at a sentence or else at a word."""
    if len(line) <= _WIDTH:
        return line.rstrip()
    sentence = line[:_WIDTH].rfind(". ")
    if sentence > _WIDTH // 2:
        return line[: sentence + 1]
    return line[: _WIDTH - 3].rsplit(" ", 1)[0].rstrip(",;:.") + " ..."
