"""-log p(x) of a whole test set by importance sampling."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.checks import check_count, check_key
from jaxgen.metrics.likelihood import ImportanceEstimate, importance_log_likelihood
from jaxgen.progress import Progress
from jaxgen.typing import Array, Batch, PRNGKeyArray

__all__ = ["SetLikelihood", "set_log_likelihood"]


class SetLikelihood(NamedTuple):
    """-log p(x) of a test set by importance sampling.

    Attributes:
        nll: Mean of -log p(x), nats per image.
        standard_error: Of that mean, over images.
        effective_samples: Median over images of the effective sample size.
        num_samples: Samples for each image.
        num_images: Images.
        per_image: -log p(x) of each image, for differences between models.
    """

    nll: float
    standard_error: float
    effective_samples: float
    num_samples: int
    num_images: int
    per_image: np.ndarray


def set_log_likelihood(
    key: PRNGKeyArray,
    model: Any,
    state: Any,
    batches: Iterable[Batch],
    *,
    num_samples: int = 5000,
    num_images: int,
    chunk_size: int = 10,
    progress: Progress | None = None,
) -> SetLikelihood:
    """Estimates -log p(x) of a test set by importance sampling.

    q(z|x) is the proposal. In expectation the estimate is an upper bound on the mean of
    -log p(x); see `importance_log_likelihood`.

    Args:
        key: It is consumed.
        model: Any with `encode(state, images)`, whose result has a `distribution`, and
            `log_joint(state, latents, images)`, such as `models.vae`; if its
            `num_classes` is a number, both are given one-hot labels as well.
        state: Its state, on one device.
        batches: The test set, batches with "image" and with a "weight" of 0 for
            padding, such as `training.iterate_batches`.
        num_samples: Samples for each image.
        num_images: The first so many images.
        chunk_size: Samples at once; a few fit the caches of a CPU.
        progress: Called before each batch.

    Raises:
        InputError: A number is not positive.
    """
    check_key(key)
    check_count("num_images", num_images, 1)

    @jax.jit
    def estimate(key: PRNGKeyArray, batch: Batch) -> ImportanceEstimate:
        images = batch["image"]
        own: tuple[Array, ...] = ()
        if model.num_classes is not None:
            own = (jax.nn.one_hot(batch["label"], model.num_classes),)
        return importance_log_likelihood(
            key,
            lambda z: model.log_joint(state, z, images, *own),
            model.encode(state, images, *own).distribution,
            num_samples=num_samples,
            chunk_size=chunk_size,
        )

    values, sizes, done = [], [], 0
    for number, batch in enumerate(batches):
        if done >= num_images:
            break
        if progress is not None:
            progress("measuring the likelihood of test images", done, num_images)
        found = estimate(jax.random.fold_in(key, number), batch)
        kept = np.asarray(batch["weight"]) > 0
        values.append(np.asarray(found.log_likelihood)[kept])
        sizes.append(np.asarray(found.effective_sample_size)[kept])
        done += int(kept.sum())
    nll = -np.concatenate(values)[:num_images]
    return SetLikelihood(
        nll=float(nll.mean()),
        standard_error=float(nll.std(ddof=1) / np.sqrt(len(nll))),
        effective_samples=float(np.median(np.concatenate(sizes)[:num_images])),
        num_samples=num_samples,
        num_images=len(nll),
        per_image=nll,
    )
