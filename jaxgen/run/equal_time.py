"""Two models of one run that are trained for the same time."""

from typing import Any

from jaxgen import run_files, training
from jaxgen.run.records import median_rate
from jaxgen.run.run import train
from jaxgen.run.setup import Setup
from jaxgen.typing import Model

__all__ = ["equal_time"]

_EPOCHS = 3
"""So long is the speed of the second model measured; its training then goes on."""


def equal_time(
    config: Any,
    setup: Setup,
    folder: training.RunFolder,
    model: Model,
    *,
    part: str,
    other: str,
    **options: Any,
) -> Setup:
    """Returns a setup whose steps take a model as long as `setup.steps` took another.

    The time is that of steps alone, by the median speeds in the records of both: those
    of the model come from its first epochs, which are trained here. Its steps are kept
    in the folder, so that a run that is resumed takes the same; where the other's speed
    is not known, as in a run of one epoch, they are as many.

    Args:
        config: The options.
        setup: The data of both, and the steps of the other.
        folder: The run's folder.
        model: The model.
        part: Its name, as `train` takes it.
        other: The name of the other, which has been trained.
        **options: Further ones of `train`; no callbacks.
    """
    parts = folder.path / "parts"
    path = parts / part / "length.json"
    kept = run_files.read_object(path) if path.exists() else {}
    if kept.get("of") != setup.steps:
        first = min(_EPOCHS * setup.batches.steps_per_epoch, setup.steps)
        train(config, setup._replace(steps=first), folder, model, part=part, **options)
        own, given = (
            median_rate(parts / name / "metrics.jsonl") for name in (part, other)
        )
        times = own / given if own and given else 1.0
        steps = max(round(setup.steps * times), first)
        kept = {"of": setup.steps, "steps": steps}
        training.write_json(path, kept)
    return setup._replace(steps=int(kept["steps"]))
