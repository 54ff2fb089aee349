"""pix2pix: translation learnt from pairs, by an adversarial loss and a distance.

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.errors import InputError
from jaxgen.losses import gan, translation
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


class Pix2PixState(NamedTuple):
    """The state of a pix2pix: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        generator: Parameters, statistics and optimizer state.
        critic: Likewise.
        ema: Moving averages of the generator's parameters and statistics, or ().
        remedies: What each remedy keeps.
    """

    step: Array
    key: PRNGKeyArray
    generator: NetState
    critic: NetState
    ema: PyTree
    remedies: PyTree


class Pix2Pix(NamedTuple):
    """The pure functions of a pix2pix; see `pix2pix`. Images are in [0, 1].

    Attributes:
        init: `(key, batch) -> Pix2PixState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (Pix2PixState, Metrics)`: one step of
            the critic, then one of the generator.
        evaluate: `(state, key, batch) -> terms per example`: l1, and with a critic
            adversarial, real_logit and fake_logit.
        translate: `(state, images, key=None) -> images`, of the averaged generator
            where there is one; without a key nothing is drawn.
        sample: `(state, key, images) -> images`: `translate` with its key in front.
        critique: `(state, a, b) -> logits`, of patches as the critic gives them, of its
            first head where there are several; there is none without a critic.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    translate: Callable[..., Array]
    sample: Callable[..., Array]
    critique: Callable[..., Array]


def pix2pix(
    generator: Network,
    critic: Network,
    generator_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    *,
    loss: AdversarialLoss | None = None,
    critic_factor: float = 0.5,
    l1_weight: float | Array = 100.0,
    adversarial_weight: float | Array = 1.0,
    conditional: bool = True,
    remedies: Sequence[Remedy] = (),
    ema_decay: float | Array | None = None,
    noise: Noise = PUBLISHED_NOISE,
) -> Pix2Pix:
    """Makes a pix2pix of two networks, a loss and remedies.

    The generator minimises adversarial_weight L_adversarial + l1_weight L1, in the
    units of [-1, 1]; the critic half of its loss. The ablations of the paper are L1
    (`adversarial_weight=0`), GAN (`l1_weight=0, conditional=False`), cGAN
    (`l1_weight=0`), L1 + GAN (`conditional=False`) and L1 + cGAN.

    Args:
        generator: `a -> b`, signed, as `networks.unet_translator()`.
        critic: Of what is real: images, or patches of them, with logits of shape
            (batch, ...); as `networks.patch_critic(norm="batch")`.
        generator_optimizer: Any optax transformation; Adam(2e-4, b1=0.5) in the paper.
        critic_optimizer: Likewise.
        loss: One of `losses.gan`; `non_saturating()` by default.
        critic_factor: What the critic's loss is multiplied by.
        l1_weight: Of the distance from the other image of the pair.
        adversarial_weight: Of the adversarial loss; with 0 no critic is trained.
        conditional: Whether the critic sees a beside b, as further channels.
        remedies: See `jaxgen.models.remedies`; what changes images changes a and b of a
            conditional critic together (`data.differentiable.jointly`).
        ema_decay: Of the moving average of the generator that translates, its
            statistics included; by default it translates as it is.
        noise: What the generator draws and normalizes by when it translates.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Batches are `{"a": images, "b": images}`, rows in pairs, in [0, 1].
        `update` gives generator_loss, adversarial, l1, critic_loss (the half that is
        minimised, of the first head, without penalties), critic_sum (without the half),
        real_logit, fake_logit, penalty where there is one, and generator_gradient_norm
        and critic_gradient_norm.

    Raises:
        InputError: The parts do not go together; the sentence says why.
    """
    loss = gan.non_saturating() if loss is None else loss
    weights = {"l1_weight": l1_weight, "adversarial_weight": adversarial_weight}
    checks.check_options(loss, critic_factor, noise, ema_decay, weights)
    checks.check_network("generator", generator, "unet_translator")
    checks.check_network("critic", critic, "patch_critic")
    remedies = checks.check_remedies(remedies)
    adversarial = not checks.is_off(adversarial_weight)
    if remedies and not adversarial:
        raise InputError(
            f"The remedy {remedies[0].name} is for a critic, and adversarial_weight=0 "
            "trains none: leave one of them out."
        )
    judge = critic_of(
        critic,
        critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        remedies=remedies,
    )

    def seen(a: Array, b: Array) -> Array:
        return jnp.concatenate([a, b], axis=-1) if conditional else b

    def init(key: PRNGKeyArray, batch: Batch, /) -> Pix2PixState:
        checks.check_pair_batch("pix2pix", batch)
        a, b = signed(batch["a"]), signed(batch["b"])
        params, stats = generator.init(random.stream(key, "generator"), a)
        made = jax.eval_shape(generator.apply, params, stats, a)[0]
        checks.check_translated("The generator", made, b)
        critic_net = NetState({}, {}, ())
        if adversarial:
            critic_net = judge.init(random.stream(key, "critic"), seen(a, b), None)
        return Pix2PixState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generator=NetState(params, stats, generator_optimizer.init(params)),
            critic=critic_net,
            ema=averaging.first_average((params, stats), ema_decay),
            remedies=tuple(remedy.init() for remedy in remedies),
        )

    def update(
        state: Pix2PixState, batch: Batch, axis_name: str | None = None
    ) -> tuple[Pix2PixState, Metrics]:
        checks.check_pair_batch("pix2pix", batch)
        key = random.step_key(state.key, state.step)
        a, b = signed(batch["a"]), signed(batch["b"])

        def keys_of(name: str) -> RandomKeys:
            own = random.stream(key, name)
            return random.example_keys(own, a.shape[0], axis_name=axis_name)

        def step_of(name: str, count: Array) -> CriticStep:
            return CriticStep(count, keys_of(name), seen(a, b), None, axis_name)

        def generator_loss(params: Params) -> tuple[Array, Any]:
            fake, stats = generator.apply(
                params,
                state.generator.stats,
                a,
                keys=keys_of("dropout"),
                train=True,
                axis_name=axis_name,
            )
            distance = jnp.mean(translation.l1(fake, b))
            terms = {"l1": distance}
            total = l1_weight * distance
            judged: Metrics = {}
            critic_net, kept = state.critic, state.remedies
            if adversarial:
                # The critic's step is taken here, on the same images, for these need
                # not be made twice then.
                pair = seen(a, fake)
                critic_net, kept, judged = judge.update(
                    critic_net,
                    kept,
                    step_of("critic", state.step),
                    jax.lax.stop_gradient(pair),
                )
                step = step_of("generator", state.step + 1)
                value = judge.generator_loss(critic_net, kept, step, pair)
                terms["adversarial"] = value
                total += adversarial_weight * value
            terms["generator_loss"] = total
            return total, (terms, (stats, critic_net, kept, judged))

        net, found, (stats, critic_net, kept, judged) = gradient_step(
            generator_loss,
            state.generator,
            generator_optimizer,
            axis_name=axis_name,
            average_kept=False,  # It is the same on all devices.
        )
        net = net._replace(stats=stats)
        metrics = with_gradient_norm(found, "generator") | judged
        if adversarial:
            metrics["critic_sum"] = judged["critic_loss"] / critic_factor
        ema = averaging.next_average(
            (net.params, net.stats), state.ema, decay=ema_decay, step=state.step
        )
        new = Pix2PixState(state.step + 1, state.key, net, critic_net, ema, kept)
        return new, metrics

    def translate(
        state: Pix2PixState, images: Array, key: RandomKeys | None = None
    ) -> Array:
        net = state.generator
        used = averaging.in_use((net.params, net.stats), state.ema)
        return translate_with(generator, used, images, key, noise)

    def critique(state: Pix2PixState, a: Array, b: Array) -> Array:
        if not adversarial:
            raise InputError(
                "This pix2pix has no critic to ask: adversarial_weight=0 trains none."
            )
        check_images("a", a)
        check_images("b", b)
        pairs = seen(signed(a), signed(b))
        return critic_logits(judge, state.critic, pairs, noise)

    def evaluate(state: Pix2PixState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        checks.check_pair_batch("pix2pix", batch)
        a, b = batch["a"], batch["b"]
        fake = translate(state, a, key)
        terms = {"l1": translation.l1(signed(fake), signed(b))}
        if not adversarial:
            return terms
        logits = [critique(state, a, one) for one in (b, fake)]
        return terms | judged_terms(loss, *logits)

    return Pix2Pix(
        init=init,
        update=update,
        evaluate=evaluate,
        translate=translate,
        sample=lambda state, key, images: translate(state, images, key),
        critique=critique,
    )
