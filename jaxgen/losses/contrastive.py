"""The contrastive loss of CUT: an output patch must match the input patch there.

Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen.checks import check_choice, check_number, check_shapes
from jaxgen.errors import InputError
from jaxgen.typing import PerExample

__all__ = [
    "Negatives",
    "cut_objective",
    "multilayer_patch_nce",
    "patch_nce",
]

Negatives = Literal["image", "batch"]
"""Where the negatives of a patch come from."""


def patch_nce(
    query: Float[Array, "batch patches features"],
    positive: Float[Array, "batch patches features"],
    *,
    temperature: float | Array = 0.07,
    negatives: Negatives = "image",
    axis_name: str | None = None,
) -> PerExample:
    """Calculates -log softmax_s(q_s . k / temperature), the mean over patches s.

    Query s of an image is classified among the patches k of its input: k_s is the
    positive, the others are negatives. It is log(patches) where all look alike, and at
    least log(1 + (patches - 1) exp(-2 / temperature)).

    No gradient goes through `positive`, as in the authors' code: the output is drawn
    to its input, never the reverse.

    Args:
        query: Unit vectors of patches of the output, shape (batch, patches, features).
        positive: Those of the same places in the input, of the same shape.
        temperature: What similarities are divided by.
        negatives: "image" for the other places of the same image, as in the paper's
            experiments; "batch" for those of all images of the batch, as the authors
            have it for translation of a single image, of which a batch holds crops.
        axis_name: The mapped axis, if any, whose devices hold the rest of the batch.

    Returns:
        Nats per image, shape (batch,).

    Raises:
        InputError: `negatives` is unknown, or the arrays are not floating numbers of
            one shape.

    Examples:
        >>> alike = jnp.ones((1, 4, 1))
        >>> print(patch_nce(alike, alike))
        [1.3862944]

    References:
        Park et al., 2020, equation 2; in equation 3 the sum over patches, in their code
        the mean.
    """
    check_choice("negatives", negatives, get_args(Negatives))
    check_shapes(("batch", "patches", "features"), query=query, positive=positive)
    check_number("temperature", temperature, above=0)
    batch, patches, features = query.shape
    keys = jax.lax.stop_gradient(positive)
    own = jnp.broadcast_to(jnp.arange(patches)[None], (batch, patches))
    # HIGHEST: a tensor core's digits, divided by the temperature, would be noise.
    if negatives == "image":
        similarity = jnp.einsum(
            "npf,nmf->npm", query, keys, precision=jax.lax.Precision.HIGHEST
        )
    else:
        keys = keys.reshape(batch * patches, features)
        first = 0
        if axis_name is not None:
            first = jax.lax.axis_index(axis_name) * batch * patches
            keys = jax.lax.all_gather(keys, axis_name, tiled=True)
        own += first + (patches * jnp.arange(batch))[:, None]
        similarity = jnp.einsum(
            "npf,mf->npm", query, keys, precision=jax.lax.Precision.HIGHEST
        )
    logits = similarity / temperature
    # Of the logits, not anew: a rounding apart would be large at low temperatures.
    right = jnp.take_along_axis(logits, own[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - right, axis=-1)


def multilayer_patch_nce(
    queries: Sequence[Array],
    positives: Sequence[Array],
    *,
    temperature: float | Array = 0.07,
    negatives: Negatives = "image",
    axis_name: str | None = None,
) -> PerExample:
    """Calculates `patch_nce` of each layer of features, and the mean over the layers.

    Args:
        queries: Of each layer, shapes (batch, patches, features), whose patches and
            features may differ; see `patch_nce`.
        positives: Likewise.
        temperature: See `patch_nce`.
        negatives: See `patch_nce`.
        axis_name: See `patch_nce`.

    Returns:
        Nats per image, shape (batch,).

    Raises:
        InputError: There is no layer, or one of another number; or see `patch_nce`.

    References:
        Park et al., 2020, equation 3; there the sum over layers, in their code the
        mean.
    """
    if not queries or len(queries) != len(positives):
        raise InputError(
            f"There are {len(queries)} layers of queries and {len(positives)} of "
            "positives: give as many of both, one or more."
        )
    layers = [
        patch_nce(
            query,
            positive,
            temperature=temperature,
            negatives=negatives,
            axis_name=axis_name,
        )
        for query, positive in zip(queries, positives, strict=True)
    ]
    return jnp.mean(jnp.stack(layers), axis=0)


def cut_objective(
    adversarial: Array,
    nce: Array,
    nce_identity: Array | None = None,
    *,
    nce_weight: float | Array = 1.0,
) -> Array:
    """Calculates L_GAN(G) + nce_weight (NCE(a) + NCE(b)) / 2.

    Without the identity loss it is L_GAN(G) + nce_weight NCE(a). All terms have one
    shape: one per example, or their means.

    Args:
        adversarial: Of the generator.
        nce: `multilayer_patch_nce` of images a and their translations.
        nce_identity: Likewise of images b, or None without the identity loss.
        nce_weight: 1 for CUT, 10 for FastCUT.

    Returns:
        What generator and heads minimise, of the shape of the terms.

    References:
        Park et al., 2020, equation 5; the half is that of their code.
    """
    terms: dict[str, Any] = {"nce": nce}
    if nce_identity is not None:
        terms["nce_identity"] = nce_identity
    check_shapes(("...",), adversarial=adversarial, **terms)
    return adversarial + nce_weight * sum(terms.values()) / len(terms)
