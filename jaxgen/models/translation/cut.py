"""CUT: translation one way, learnt without pairs, whose patches keep their content.

Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_network
from jaxgen.losses import gan, translation
from jaxgen.losses.contrastive import Negatives, cut_objective
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging
from jaxgen.models.critic import critic_of
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation import checks
from jaxgen.models.translation import inference as inference_modes
from jaxgen.models.translation.adversarial import (
    adversarial_step,
    generator_step,
    stream_keys,
)
from jaxgen.models.translation.critic_outputs import critic_logits, critic_terms
from jaxgen.models.translation.inference import (
    PUBLISHED_INFERENCE,
    InferenceMode,
    check_images,
    to_signed,
)
from jaxgen.models.translation.patch_contrast import (
    contrast_keys,
    contrast_patches,
    head_inputs,
)
from jaxgen.models.translation.patches import mirrored
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    NetState,
    Network,
    Params,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Update,
)

__all__ = ["CUT", "CUTParams", "CUTState", "cut"]


class CUTParams(NamedTuple):
    """Parameters behind the generator's optimizer.

    Attributes:
        generator: Of the translator.
        heads: Of the heads.
    """

    generator: Params
    heads: Params


class CUTState(NamedTuple):
    """The state of a CUT: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        generator: Of generator and heads (`CUTParams`), behind one optimizer.
        critic: Parameters, statistics and optimizer state.
        ema: Moving averages of the generator's parameters and statistics, or ().
        remedies: What each remedy keeps.
    """

    step: Array
    key: PRNGKeyArray
    generator: NetState
    critic: NetState
    ema: PyTree
    remedies: PyTree


class CUT(NamedTuple):
    """The pure functions of a CUT; see `cut`. Images are in [0, 1].

    Attributes:
        init: `(key, batch) -> CUTState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (CUTState, Metrics)`: one step of the
            critic, then one of generator and heads.
        evaluate: `(state, key, batch) -> terms per example`: nce, nce_identity,
            adversarial, real_logit, fake_logit; and l1, the distance from the other
            image of the row, which means something if rows are pairs.
        translate: `(state, key, images) -> images`, of the averaged generator where
            there is one; with None in place of a key nothing is drawn.
        critique: `(state, images) -> logits`, of patches as the critic gives them.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    translate: Callable[..., Array]
    critique: Callable[..., Array]


@factory
def cut(
    generator: Network,
    features: Callable[..., Any],
    heads: Network,
    critic: Network,
    generator_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    *,
    loss: AdversarialLoss | None = None,
    critic_factor: float = 0.5,
    nce_weight: float | Array = 1.0,
    identity: bool = True,
    layers: Sequence[int] | None = None,
    patches: int = 256,
    temperature: float | Array = 0.07,
    negatives: Negatives = "image",
    flip_equivariance: bool = False,
    remedies: Sequence[Remedy] = (),
    ema_decay: float | Array | None = None,
    inference: InferenceMode = PUBLISHED_INFERENCE,
) -> CUT:
    """Makes a CUT of three networks, a loss and remedies.

    The generator G: a -> b and the heads H minimise

        L(D, G) + nce_weight (NCE(a, G(a)) + NCE(b, G(b))) / 2

    and without `identity` L(D, G) + nce_weight NCE(a, G(a))
    (`losses.contrastive.cut_objective`); the critic `critic_factor` times its loss.
    NCE(x, G(x)) is `losses.contrastive.multilayer_patch_nce` between H of G's features
    of G(x) and of x at the same places, drawn for each image and layer.

    The settings are those of the authors' code, which calculates means where the paper
    writes sums; but for the networks, which there start by Xavier's normal times 0.02
    (here those of CycleGAN do, N(0, 0.02)) and blur where they halve and double. CUT:
    the defaults, 200 epochs and 200 more in which the rate falls. FastCUT:
    `nce_weight=10, identity=False, flip_equivariance=True`, 150 and 50 epochs. Both:
    batches of one, `networks.resnet_translator()`, `networks.patch_critic()`,
    Adam(2e-4, b1=0.5) for all.

    Args:
        generator: `a -> b`, in [-1, 1], as `networks.resnet_translator()`.
        features: Feature maps of the generator, with the arguments of its `apply`, as
            `networks.resnet_features()`.
        heads: `patches of each layer -> unit vectors of each`, as
            `networks.patch_heads()`; without statistics.
        critic: Of what is real in b, with logits of shape (batch, ...), as
            `networks.patch_critic()`.
        generator_optimizer: Any optax transformation, of generator and heads at once.
        critic_optimizer: Any optax transformation.
        loss: One of `losses.gan`; `least_squares()` by default.
        critic_factor: What the critic's loss is multiplied by.
        nce_weight: Of the contrastive terms.
        identity: Whether images of b are translated too, and are to keep their content.
        layers: Which of the generator's feature maps are compared; all by default.
        patches: Places a map that are compared; all of them where it has fewer.
        temperature: Of the contrastive loss.
        negatives: Where those of a patch are from: the same "image", or the "batch".
            In evaluation they are from the same image, so that its terms do not depend
            on what else is in a batch.
        flip_equivariance: Whether in training half of the images, drawn one by one, are
            translated turned left to right, and their features are turned back.
        remedies: See `jaxgen.models.remedies`.
        ema_decay: Of the moving average of the generator that translates, its
            statistics included; by default it translates as it is.
        inference: Dropout and statistics of the generator when it translates.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Batches are `{"a": images, "b": images}` in [0, 1], whose rows need
        not be pairs. `update` gives generator_loss, adversarial, nce, nce_identity,
        critic_loss (`critic_factor` times that of the first head, without penalties),
        critic_sum (without the factor), real_logit,
        fake_logit, penalty where there is one, and generator_gradient_norm (heads
        included) and critic_gradient_norm. Terms are not weighed.

    Raises:
        InputError: The parts do not go together; the sentence says why.

    References:
        Park et al., 2020, equations 1, 3 and 5; the order of steps and the half are
        those of the authors' code, which is linked there.
    """
    loss = gan.least_squares() if loss is None else loss
    weights = {"nce_weight": nce_weight}
    checks.check_options(loss, critic_factor, inference, ema_decay, weights)
    checks.check_cut(generator, features, heads, patches, temperature, negatives)
    check_network("critic", critic, "patch_critic")
    remedies = checks.check_remedies(remedies)
    adversary = critic_of(
        critic,
        critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        remedies=remedies,
    )

    kinds = ("", " identity") if identity else ("",)
    contrast = partial(
        contrast_patches,
        features,
        heads,
        layers=layers,
        patches=patches,
        temperature=temperature,
        domains=len(kinds),
    )

    def source_images(batch: Batch) -> Array:
        return jnp.concatenate([batch["a"], batch["b"]]) if identity else batch["a"]

    def init(key: PRNGKeyArray, batch: Batch, /) -> CUTState:
        checks.check_pair_batch("CUT", batch)
        a, b = to_signed(batch["a"]), to_signed(batch["b"])
        params, stats = generator.init(random.stream(key, "generator"), a)
        made, _ = jax.eval_shape(generator.apply, params, stats, a)
        checks.check_translated("The generator", made, b)
        checks.check_channels(a, b)
        maps = checks.feature_maps(features, params, stats, a)
        checks.check_layers(layers, maps, negatives)
        head_params, head_stats = heads.init(
            random.stream(key, "heads"), *head_inputs(maps, layers)
        )
        checks.check_head_stats(head_stats)
        both = CUTParams(params, head_params)
        return CUTState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generator=NetState(both, stats, generator_optimizer.init(both)),
            critic=adversary.init(random.stream(key, "critic"), b, None),
            ema=averaging.first_average((params, stats), ema_decay),
            remedies=tuple(remedy.init() for remedy in remedies),
        )

    def update(
        state: CUTState, batch: Batch, axis_name: str | None = None
    ) -> tuple[CUTState, Metrics]:
        checks.check_pair_batch("CUT", batch)
        key = random.step_key(state.key, state.step)
        rows, before = batch["a"].shape[0], state.generator.stats

        def keys_of(name: str) -> RandomKeys:
            names = [name + kind for kind in kinds]
            return jnp.concatenate(
                [stream_keys(key, one, rows, axis_name=axis_name) for one in names]
            )

        sources = inputs = to_signed(source_images(batch))
        flips = None
        if flip_equivariance:
            flips = jax.vmap(jax.random.bernoulli)(keys_of("flip"))
            inputs = mirrored(sources, flips)

        def generator_loss(params: CUTParams) -> tuple[Array, Any]:
            outputs, stats = generator.apply(
                params.generator,
                before,
                inputs,
                keys=keys_of("dropout"),
                train=True,
                axis_name=axis_name,
            )
            real, fake = to_signed(batch["b"]), outputs[:rows]
            step = adversarial_step(adversary, state, key, real, fake, axis_name)
            contrasts = contrast(
                params,
                before,
                contrast_keys(keys_of),
                sources,
                outputs,
                negatives=negatives,
                flips=flips,
                axis_name=axis_name,
            )
            terms = _named([jnp.mean(one) for one in contrasts])
            terms["adversarial"] = step.generator_loss
            total = cut_objective(**terms, nce_weight=nce_weight)
            terms["generator_loss"] = total
            return total, (terms, (stats, step))

        net, metrics, step = generator_step(
            generator_loss,
            state.generator,
            generator_optimizer,
            critic_factor=critic_factor,
            axis_name=axis_name,
        )
        now = (net.params.generator, net.stats)
        ema = averaging.next_average(now, state.ema, decay=ema_decay, step=state.step)
        new = CUTState(state.step + 1, state.key, net, step.critic, ema, step.remedies)
        return new, metrics

    def translate(state: CUTState, key: RandomKeys | None, images: Array) -> Array:
        net = _in_use(state)
        return inference_modes.translate(generator, net, key, images, inference)

    def critique(state: CUTState, images: Array) -> Array:
        check_images("images", images)
        return critic_logits(adversary, state.critic, to_signed(images), inference)

    def evaluate(state: CUTState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        checks.check_pair_batch("CUT", batch)
        a, b = batch["a"], batch["b"]
        images = source_images(batch)
        keys_of = partial(stream_keys, key, rows=images.shape[0])
        outputs = translate(state, keys_of("dropout"), images)
        fake = outputs[: a.shape[0]]
        params, stats = _in_use(state)
        contrasts = contrast(
            CUTParams(params, state.generator.params.heads),
            stats,
            contrast_keys(keys_of, dropout=inference.dropout),
            to_signed(images),
            to_signed(outputs),
            train=inference.statistics != "running",
        )
        logits = [critique(state, one) for one in (b, fake)]
        terms = _named(contrasts) | critic_terms(loss, *logits)
        terms["l1"] = translation.mean_absolute_error(to_signed(fake), to_signed(b))
        return terms

    return CUT(init, update, evaluate, translate, critique)


def _in_use(state: CUTState) -> tuple[Params, PyTree]:
    """Returns parameters and statistics of the generator that translates."""
    net = state.generator
    return averaging.in_use((net.params.generator, net.stats), state.ema)


def _named(contrasts: Sequence[Array]) -> Metrics:
    """Returns the contrastive terms of images a and, if there are, b by name."""
    return dict(zip(("nce", "nce_identity"), contrasts, strict=False))
