"""The labels of conditional models: what they are, and what is refused."""

import jax

from jaxgen.checks import check_count, check_labels, examples_of
from jaxgen.errors import InputError
from jaxgen.typing import Array, Batch, Size

__all__ = [
    "Condition",
    "check_classes",
    "check_condition",
    "given",
    "one_hot_labels",
]

Condition = Array | None
"""One-hot labels, shape (batch, classes), of a conditional model."""


def one_hot_labels(kind: str, batch: Batch, num_classes: int | None) -> Condition:
    """Returns the condition of a batch, None for a model without one.

    Args:
        kind: Of model, as "VAE".
        batch: With "label" where the model is conditional.
        num_classes: Of the model, or None.

    Raises:
        InputError: The model is conditional, and the data have no labels, or these are
            not class numbers of shape (batch,).
    """
    if num_classes is None:
        return None
    if "label" not in batch:
        raise InputError(
            f"The {kind} is conditional (num_classes was given), and the data have no "
            "labels: take a labelled set, or leave num_classes out."
        )
    check_labels("label", batch["label"], examples_of(batch).shape[0], num_classes)
    return jax.nn.one_hot(batch["label"], num_classes)


def given(condition: Condition) -> tuple[Array, ...]:
    """Returns a condition as the inputs that it adds to a network."""
    return () if condition is None else (condition,)


def check_classes(num_classes: int | None) -> None:
    """Raises InputError unless `num_classes` is None or a count of at least 1."""
    if num_classes is not None:
        check_count("num_classes", num_classes, 1)


def check_condition(
    kind: str, condition: Condition, rows: Size, num_classes: int | None
) -> Condition:
    """Returns the condition if the model takes it: its presence and shape are right.

    Raises:
        InputError: It is missing, of another shape, or the model takes none.
    """
    if num_classes is None:
        if condition is not None:
            raise InputError(
                f"This {kind} takes no condition: it was made without num_classes."
            )
        return None
    shape = (rows, num_classes)
    if condition is None or condition.shape != shape:
        got = "is missing" if condition is None else f"has shape {condition.shape}"
        raise InputError(
            f"The condition {got}: give one-hot labels of shape {shape}, as "
            "jax.nn.one_hot(labels, num_classes)."
        )
    return condition
