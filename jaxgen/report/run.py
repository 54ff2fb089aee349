"""A run's folder, read into memory."""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.files import read_npz
from jaxgen.run_files import is_number, read_config, read_object, read_records

__all__ = [
    "DIAGNOSTICS",
    "UNITLESS",
    "Arrays",
    "Row",
    "Run",
    "keeps_records",
    "naming_arrays",
    "numeric_names",
    "read_run",
    "series",
]

Row = Mapping[str, Any]
Arrays = dict[str, np.ndarray]

# What else a training row may carry; the page draws it apart from the loss terms.
DIAGNOSTICS = (
    "gradient_norm",
    "generator_gradient_norm",
    "critic_gradient_norm",
    "critic_a_gradient_norm",
    "critic_b_gradient_norm",
    "parameter_norm",
    "update_norm",
    "images_per_second",
)
_PLACE = ("step", "epoch", "split")
# What steers a loss is logged beside its terms, but is no number of nats.
UNITLESS = frozenset(
    {
        "accuracy",
        "beta",
        "capacity",
        "lagrange",
        "lagrange_multiplier",
        "lambda",
        "learning_rate",
        "multiplier",
        "slack",
        "tau",
        "temperature",
        "weight",
    }
)


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run left behind: its configuration, its metrics and its arrays.

    Attributes:
      path: the folder.
      config: the content of `config.json`.
      rows: the lines of `metrics.jsonl`, one per split and step, by step.
      summary: the content of `summary.json`, empty where there is none.
      opened: the files of arrays that were read. An error must name them also where
        there is no plate yet that has a source: in the makers and the explorer.
    """

    path: Path
    config: Mapping[str, Any]
    rows: Sequence[Row]
    summary: Mapping[str, Any]
    opened: list[Path] = dataclasses.field(default_factory=list)

    @functools.cached_property
    def terms(self) -> list[str]:
        """The names of the loss terms: the loss, then as they were logged."""
        names = numeric_names(self.rows, leave_out=(*_PLACE, *DIAGNOSTICS))
        return sorted(names, key=lambda name: name != "loss")

    @functools.cached_property
    def diagnostics(self) -> list[str]:
        """The names of the norms and the speed that were logged."""
        return [name for name in DIAGNOSTICS if any(name in row for row in self.rows)]

    @functools.cached_property
    def units(self) -> dict[str, str]:
        """The unit of each loss term, as far as it is known.

        `config.json` may name units under "units"; the terms of a bound on the
        likelihood are nats per image, what steers them has no unit.
        """
        if "units" in self.config:
            return dict(self.config["units"])
        bound = {"kl", "reconstruction", "log_likelihood", "elbo"}
        known = self.terms if bound & set(self.terms) else []
        some = (name for name in known if name not in UNITLESS)
        return dict.fromkeys(some, "nats per image")

    def document(self, name: str) -> dict[str, Any] | None:
        """Reads `NAME.json`, a JSON object, or gives None where there is no such file.

        Raises:
          InputError: the file cannot be read or holds something else.
        """
        path = self.path / f"{name}.json"
        return read_object(path) if os.path.lexists(path) else None

    def arrays(self, name: str, **ndims: int) -> Arrays | None:
        """Reads `arrays/NAME.npz`.

        Args:
          name: the file's name without its ending.
          **ndims: the arrays that must be there, with their number of axes.

        Returns:
          Every array of the file by name, or None where there is no such file.

        Raises:
          InputError: the file cannot be read or lacks an array, or an array has
            another number of axes, nothing in it or no finite numbers.
        """
        path = self.path / "arrays" / f"{name}.npz"
        if not os.path.lexists(path):
            return None
        self.opened.append(path)
        try:
            arrays = read_npz(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read ({error}): it is damaged or no .npz file of "
                "plain arrays; delete it to leave its figure out, or run the "
                "experiment again."
            ) from error
        for key, ndim in ndims.items():
            if key not in arrays:
                raise InputError(
                    f"{path} has no array {key!r} (it has {sorted(arrays)}); delete "
                    "the file to leave its figure out, or run the experiment again."
                )
            if arrays[key].ndim != ndim or not arrays[key].size:
                raise InputError(
                    f"{path}: the array {key!r} has shape {arrays[key].shape}; "
                    f"{ndim} axes were expected, none of them of length 0."
                )
            if (
                arrays[key].dtype.kind not in "uif"
                or not np.isfinite(arrays[key]).all()
            ):
                raise InputError(
                    f"{path}: the array {key!r} ({arrays[key].dtype}) holds something "
                    "else than finite numbers; delete the file to leave its figure "
                    "out, or run the experiment again."
                )
        return arrays


def read_run(path: Path) -> Run:
    """Reads a run's configuration, metrics and summary.

    The last line of `metrics.jsonl` may have been cut by the end of the process; it is
    then left out. A resumed run may log a step again; the later line counts. Only a run
    whose configuration says "records": false may be without that file.

    Args:
      path: the run's folder.

    Returns:
      The run; its arrays are read when asked for.

    Raises:
      InputError: the folder holds no run, or one of its files cannot be read.
    """
    if not path.is_dir():
        raise InputError(
            f"{path} is no folder; give the folder of a run, such as "
            "runs/vae/mnist5k, which holds config.json and metrics.jsonl."
        )
    bare = not any(os.path.lexists(path / n) for n in ("config.json", "metrics.jsonl"))
    if bare and any(path.glob("figures/*.json")):
        return Run(path=path, config={"records": False}, rows=[], summary={})
    _require(path, "config.json")
    config = read_config(path / "config.json")
    metrics, summary = path / "metrics.jsonl", path / "summary.json"
    if keeps_records(config):
        _require(path, metrics.name)
    return Run(
        path=path,
        config=config,
        rows=sorted(read_records(metrics), key=lambda row: row["step"]),
        summary=read_object(summary) if os.path.lexists(summary) else {},
    )


# What wrong shapes, types and numbers raise in NumPy, Pillow and Matplotlib. Whatever
# else comes up is a fault of ours, and goes on as it is.
_DAMAGE = (ArithmeticError, LookupError, TypeError, ValueError)


@contextlib.contextmanager
def naming_arrays(run: Run, source: str | None = None) -> Iterator[None]:
    """Names the files of arrays behind what fails in a block.

    The figures check the shapes of their arrays and not all that stands in them, so a
    damaged value may fail anywhere.

    Args:
      run: the run.
      source: the file that the block draws, from the run's folder; those that it has
        read by default. What fails without arrays is left as it is.

    Raises:
      InputError: the block failed of its arrays, or it raised one itself.
    """
    before = len(run.opened)
    try:
        yield
    except InputError as error:
        opened = run.opened[before:]
        if source or not opened or any(str(path) in str(error) for path in opened):
            raise
        raise InputError(f"{opened[-1]}: {error}") from error
    except _DAMAGE as error:
        read = [run.path / source] if source else run.opened[before:]
        paths = {str(path): None for path in read if path.suffix == ".npz"}
        if not paths:
            raise
        raise InputError(
            f"The figure of {' and '.join(paths)} cannot be drawn "
            f"({type(error).__name__}: {str(error)[:200]}): restore the file or run "
            "the experiment again; if it was never touched, please report this."
        ) from error


def keeps_records(config: Mapping[str, Any]) -> bool:
    """Whether a run logs `metrics.jsonl` as it goes, and so can be resumed.

    A study without a training loop of its own says "records": false in `config.json`.
    """
    return config.get("records") is not False


def numeric_names(rows: Sequence[Row], leave_out: Sequence[str] = ()) -> list[str]:
    """The names that hold numbers in any of the rows, in order of appearance."""
    names = {
        name: None
        for row in rows
        for name, value in row.items()
        if is_number(value) and name not in leave_out
    }
    return list(names)


def series(rows: Sequence[Row], split: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The epochs and the values of one term on one split.

    Examples:
      >>> rows = [{"step": 1, "epoch": 0.5, "split": "train", "loss": 3.0}]
      >>> series(rows, "train", "loss")
      (array([0.5]), array([3.]))
    """
    points = [
        (row["epoch"], row[name])
        for row in rows
        if row["split"] == split and is_number(row.get(name))
    ]
    epochs, values = np.array(points, dtype=float).reshape(-1, 2).T
    return epochs, values


def _require(path: Path, name: str) -> None:
    if not os.path.lexists(path / name):
        raise InputError(
            f"{path} is not the folder of a run: it holds no {name}; give a folder "
            "such as runs/vae/mnist5k, which an experiment has written."
        )
