"""CUT: translation one way, learnt without pairs, whose patches keep their content.

Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.losses import gan, translation
from jaxgen.losses.contrastive import Negatives, patch_nce
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging
from jaxgen.models.critic import CriticStep, critic_of
from jaxgen.models.gradient_step import gradient_step, with_gradient_norm
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation import checks
from jaxgen.models.translation.judged import critic_logits, judged_terms
from jaxgen.models.translation.noise import (
    PUBLISHED_NOISE,
    Noise,
    check_images,
    signed,
)
from jaxgen.models.translation.noise import translate as translate_with
from jaxgen.models.translation.patches import at_places, draw_places, mirrored
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    NetState,
    Network,
    Params,
    PerExample,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Update,
)


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
        translate: `(state, images, key=None) -> images`, of the averaged generator
            where there is one; without a key nothing is drawn.
        sample: `(state, key, images) -> images`: `translate` with its key in front.
        critique: `(state, images) -> logits`, of patches as the critic gives them.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    translate: Callable[..., Array]
    sample: Callable[..., Array]
    critique: Callable[..., Array]


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
    noise: Noise = PUBLISHED_NOISE,
) -> CUT:
    """Makes a CUT of three networks, a loss and remedies.

    The generator G: a -> b and the heads H minimise

        L(D, G) + nce_weight (NCE(a, G(a)) + NCE(b, G(b))) / 2

    and without `identity` L(D, G) + nce_weight NCE(a, G(a)); the critic half of its
    loss. NCE(x, G(x)) is `losses.contrastive.patch_nce` between H of G's features of
    G(x) and of x at the same places, drawn for each image and layer, the mean over the
    layers.

    The settings are those of the authors' code, which calculates means where the paper
    writes sums; but for the networks, which there start by Xavier's normal times 0.02
    (here those of CycleGAN do, N(0, 0.02)) and blur where they halve and double. CUT:
    the defaults, 200 epochs and 200 more in which the rate falls. FastCUT:
    `nce_weight=10, identity=False, flip_equivariance=True`, 150 and 50 epochs. Both:
    batches of one, `networks.resnet_translator()`, `networks.patch_critic()`,
    Adam(2e-4, b1=0.5) for all.

    Args:
        generator: `a -> b`, signed, as `networks.resnet_translator()`.
        features: Feature maps of the generator, with the arguments of its `apply`, as
            `networks.resnet_features()`.
        heads: `patches of each layer -> unit vectors of each`, as
            `networks.patch_heads()`.
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
        noise: What the generator draws and normalizes by when it translates.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Batches are `{"a": images, "b": images}` in [0, 1], whose rows need
        not be pairs. `update` gives generator_loss, adversarial, nce, nce_identity,
        critic_loss (the half that is minimised, of the first head,
        without penalties), critic_sum (without the half), real_logit,
        fake_logit, penalty where there is one, and generator_gradient_norm (heads
        included) and critic_gradient_norm. Terms are not weighed.

    Raises:
        InputError: The parts do not go together; the sentence says why.

    References:
        Park et al., 2020, equations 1, 3 and 5; the order of steps and the half are
        those of the authors' code, which is linked there.
    """
    loss = gan.least_squares() if loss is None else loss
    checks.check_options(
        loss, critic_factor, noise, ema_decay, {"nce_weight": nce_weight}
    )
    checks.check_cut(generator, features, heads, patches, temperature, negatives)
    checks.check_network("critic", critic, "patch_critic")
    remedies = checks.check_remedies(remedies)
    judge = critic_of(
        critic,
        critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        remedies=remedies,
    )

    halves = 2 if identity else 1

    def maps_of(params: Params, stats: PyTree, images: Array, **mode: Any) -> Any:
        found, _ = features(params, stats, images, **mode)
        return found if layers is None else [found[layer] for layer in layers]

    def contrasts(
        params: CUTParams,
        stats: PyTree,
        sources: Array,
        outputs: Array,
        draw: Callable[[str], RandomKeys],
        *,
        dropout: bool = True,
        flips: Array | None = None,
        negatives: Negatives = "image",
        axis_name: str | None = None,
        train: bool = True,
    ) -> list[PerExample]:
        """The contrastive loss, first of images a, then of b where these are there."""
        found, wanted = (
            maps_of(
                params.generator,
                stats,
                images,
                keys=draw(f"{name} features") if dropout else None,
                train=train,
                axis_name=axis_name,
            )
            for name, images in (("output", outputs), ("source", sources))
        )
        if flips is not None:
            found = [mirrored(one, flips) for one in found]
        places = draw_places(draw("places"), wanted, patches=patches)
        queries, positives = (
            heads.apply(params.heads, (), *at_places(maps, places))[0]
            for maps in (found, wanted)
        )

        def mean_over_layers(half: int) -> PerExample:
            terms = [
                patch_nce(
                    *(jnp.split(one, halves)[half] for one in pair),
                    temperature=temperature,
                    negatives=negatives,
                    axis_name=axis_name,
                )
                for pair in zip(queries, positives, strict=True)
            ]
            return jnp.mean(jnp.stack(terms), axis=0)

        return [mean_over_layers(half) for half in range(halves)]

    def init(key: PRNGKeyArray, batch: Batch, /) -> CUTState:
        checks.check_pair_batch("CUT", batch)
        a, b = signed(batch["a"]), signed(batch["b"])
        params, stats = generator.init(random.stream(key, "generator"), a)
        made, _ = jax.eval_shape(generator.apply, params, stats, a)
        checks.check_translated("The generator", made, b)
        checks.check_channels(a, b)
        maps, _ = jax.eval_shape(features, params, stats, a)
        checks.check_layers(layers, maps, negatives)
        chosen = jax.eval_shape(maps_of, params, stats, a)
        rows = [jnp.zeros((1, 1, one.shape[-1]), one.dtype) for one in chosen]
        both = CUTParams(params, heads.init(random.stream(key, "heads"), *rows)[0])
        return CUTState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generator=NetState(both, stats, generator_optimizer.init(both)),
            critic=judge.init(random.stream(key, "critic"), b, None),
            ema=averaging.first_average((params, stats), ema_decay),
            remedies=tuple(remedy.init() for remedy in remedies),
        )

    def update(
        state: CUTState, batch: Batch, axis_name: str | None = None
    ) -> tuple[CUTState, Metrics]:
        checks.check_pair_batch("CUT", batch)
        key = random.step_key(state.key, state.step)
        a, b = signed(batch["a"]), signed(batch["b"])
        rows, before = a.shape[0], state.generator.stats

        def keys_of(name: str) -> RandomKeys:
            own = random.stream(key, name)
            return random.example_keys(own, rows, axis_name=axis_name)

        def keys_of_sources(name: str) -> RandomKeys:
            names = (name, f"{name} identity") if identity else (name,)
            return jnp.concatenate([keys_of(one) for one in names])

        sources = inputs = jnp.concatenate([a, b]) if identity else a
        flips = None
        if flip_equivariance:
            flips = jax.vmap(jax.random.bernoulli)(keys_of_sources("flip"))
            inputs = mirrored(sources, flips)

        def generator_loss(params: CUTParams) -> tuple[Array, Any]:
            outputs, stats = generator.apply(
                params.generator,
                before,
                inputs,
                keys=keys_of_sources("dropout"),
                train=True,
                axis_name=axis_name,
            )
            fake = outputs[:rows]
            # The critic's step is taken here, on the same images, for these need not be
            # made twice then.
            critic_net, kept, judged = judge.update(
                state.critic,
                state.remedies,
                CriticStep(state.step, keys_of("critic"), b, None, axis_name),
                jax.lax.stop_gradient(fake),
            )
            step = CriticStep(state.step + 1, keys_of("generator"), b, None, axis_name)
            adversarial = judge.generator_loss(critic_net, kept, step, fake)
            found = contrasts(
                params,
                before,
                sources,
                outputs,
                keys_of_sources,
                flips=flips,
                negatives=negatives,
                axis_name=axis_name,
            )
            kinds = [jnp.mean(one) for one in found]
            total = adversarial + nce_weight * sum(kinds) / len(kinds)
            terms = {"generator_loss": total, "adversarial": adversarial}
            return total, (terms | _named(kinds), (stats, critic_net, kept, judged))

        net, metrics, (stats, critic_net, kept, judged) = gradient_step(
            generator_loss, state.generator, generator_optimizer,
            axis_name=axis_name, average_kept=False,  # It is the same everywhere.
        )  # fmt: skip
        net = net._replace(stats=stats)
        metrics = with_gradient_norm(metrics, "generator") | judged
        metrics["critic_sum"] = judged["critic_loss"] / critic_factor
        latest = (net.params.generator, net.stats)
        ema = averaging.next_average(
            latest, state.ema, decay=ema_decay, step=state.step
        )
        new = CUTState(state.step + 1, state.key, net, critic_net, ema, kept)
        return new, metrics

    def in_use(state: CUTState) -> tuple[Params, PyTree]:
        net = state.generator
        latest = (net.params.generator, net.stats)
        return averaging.in_use(latest, state.ema)

    def translate(
        state: CUTState, images: Array, key: RandomKeys | None = None
    ) -> Array:
        return translate_with(generator, in_use(state), images, key, noise)

    def critique(state: CUTState, images: Array) -> Array:
        check_images("images", images)
        return critic_logits(judge, state.critic, signed(images), noise)

    def evaluate(state: CUTState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        checks.check_pair_batch("CUT", batch)
        a, b = batch["a"], batch["b"]
        sources = jnp.concatenate([a, b]) if identity else a

        def keys_of(name: str) -> RandomKeys:
            return random.example_keys(random.stream(key, name), sources.shape[0])

        outputs = translate(state, sources, keys_of("dropout"))
        fake = outputs[: a.shape[0]]
        params, stats = in_use(state)
        found = contrasts(
            CUTParams(params, state.generator.params.heads),
            stats,
            signed(sources),
            signed(outputs),
            keys_of,
            dropout=noise.dropout,
            train=noise.statistics != "running",
        )
        logits = [critique(state, one) for one in (b, fake)]
        terms = _named(found) | judged_terms(loss, *logits)
        return terms | {"l1": translation.l1(signed(fake), signed(b))}

    return CUT(
        init=init,
        update=update,
        evaluate=evaluate,
        translate=translate,
        sample=lambda state, key, images: translate(state, images, key),
        critique=critique,
    )


def _named(kinds: Sequence[Array]) -> Metrics:
    return dict(zip(("nce", "nce_identity"), kinds, strict=False))
