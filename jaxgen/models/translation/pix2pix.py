"""pix2pix: translation learnt from pairs, by an adversarial loss and a distance.

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_network
from jaxgen.errors import InputError
from jaxgen.losses import gan, translation
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging
from jaxgen.models.critic import critic_of
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation import checks
from jaxgen.models.translation import inference as inference_modes
from jaxgen.models.translation.adversarial import (
    AdversarialStep,
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

__all__ = ["Pix2Pix", "Pix2PixState", "pix2pix"]


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
        translate: `(state, key, images) -> images`, of the averaged generator where
            there is one; with None in place of a key nothing is drawn.
        critique: `(state, a, b) -> logits`, of patches as the critic gives them, of its
            first head where there are several; there is none without a critic.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    translate: Callable[..., Array]
    critique: Callable[..., Array]


@factory
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
    inference: InferenceMode = PUBLISHED_INFERENCE,
) -> Pix2Pix:
    """Makes a pix2pix of two networks, a loss and remedies.

    The generator minimises adversarial_weight L_adversarial + l1_weight L1, in the
    units of [-1, 1]; the critic `critic_factor` times its loss. The ablations of the
    paper are L1 (`adversarial_weight=0`), GAN (`l1_weight=0, conditional=False`), cGAN
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
        conditional: Whether the critic is given a beside b, as further channels.
        remedies: See `jaxgen.models.remedies`; what changes images changes a and b of a
            conditional critic together (`data.differentiable.jointly`).
        ema_decay: Of the moving average of the generator that translates, its
            statistics included; by default it translates as it is.
        inference: Dropout and statistics of the generator when it translates.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Batches are `{"a": images, "b": images}`, rows in pairs, in [0, 1].
        `update` gives generator_loss, adversarial, l1, critic_loss (`critic_factor`
        times that of the first head, without penalties), critic_sum (without the
        factor), real_logit, fake_logit, penalty where there is one, and
        generator_gradient_norm and critic_gradient_norm.

    Raises:
        InputError: The parts do not go together; the sentence says why.
    """
    loss = gan.non_saturating() if loss is None else loss
    weights = {"l1_weight": l1_weight, "adversarial_weight": adversarial_weight}
    checks.check_options(loss, critic_factor, inference, ema_decay, weights)
    check_network("generator", generator, "unet_translator")
    check_network("critic", critic, "patch_critic")
    remedies = checks.check_remedies(remedies)
    adversarial = not checks.is_off(adversarial_weight)
    if remedies and not adversarial:
        raise InputError(
            f"The remedy {remedies[0].name} is for a critic, and adversarial_weight=0 "
            "trains none: leave one of them out."
        )
    adversary = critic_of(
        critic,
        critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        remedies=remedies,
    )

    def critic_images(a: Array, b: Array) -> Array:
        return jnp.concatenate([a, b], axis=-1) if conditional else b

    def init(key: PRNGKeyArray, batch: Batch, /) -> Pix2PixState:
        checks.check_pair_batch("pix2pix", batch)
        a, b = to_signed(batch["a"]), to_signed(batch["b"])
        params, stats = generator.init(random.stream(key, "generator"), a)
        made = jax.eval_shape(generator.apply, params, stats, a)[0]
        checks.check_translated("The generator", made, b)
        critic_net = NetState({}, {}, ())
        if adversarial:
            own = random.stream(key, "critic")
            critic_net = adversary.init(own, critic_images(a, b), None)
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
        a, b = to_signed(batch["a"]), to_signed(batch["b"])

        def generator_loss(params: Params) -> tuple[Array, Any]:
            fake, stats = generator.apply(
                params,
                state.generator.stats,
                a,
                keys=stream_keys(key, "dropout", a.shape[0], axis_name=axis_name),
                train=True,
                axis_name=axis_name,
            )
            terms = {"l1": jnp.mean(translation.l1_reconstruction(fake, b))}
            step = AdversarialStep(jnp.zeros(()), state.critic, state.remedies, {})
            if adversarial:
                pairs = critic_images(a, b), critic_images(a, fake)
                step = adversarial_step(adversary, state, key, *pairs, axis_name)
                terms["adversarial"] = step.generator_loss
            total = translation.pix2pix_objective(
                step.generator_loss, terms["l1"], **weights
            )
            terms["generator_loss"] = total
            return total, (terms, (stats, step))

        net, metrics, step = generator_step(
            generator_loss,
            state.generator,
            generator_optimizer,
            critic_factor=critic_factor,
            axis_name=axis_name,
        )
        ema = averaging.next_average(
            (net.params, net.stats), state.ema, decay=ema_decay, step=state.step
        )
        new = Pix2PixState(
            state.step + 1, state.key, net, step.critic, ema, step.remedies
        )
        return new, metrics

    def translate(state: Pix2PixState, key: RandomKeys | None, images: Array) -> Array:
        net = state.generator
        used = averaging.in_use((net.params, net.stats), state.ema)
        return inference_modes.translate(generator, used, key, images, inference)

    def critique(state: Pix2PixState, a: Array, b: Array) -> Array:
        if not adversarial:
            raise InputError(
                "This pix2pix has no critic to ask: adversarial_weight=0 trains none."
            )
        check_images("a", a)
        check_images("b", b)
        pairs = critic_images(to_signed(a), to_signed(b))
        return critic_logits(adversary, state.critic, pairs, inference)

    def evaluate(state: Pix2PixState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        checks.check_pair_batch("pix2pix", batch)
        a, b = batch["a"], batch["b"]
        fake = translate(state, key, a)
        terms = {"l1": translation.l1_reconstruction(to_signed(fake), to_signed(b))}
        if not adversarial:
            return terms
        logits = [critique(state, a, one) for one in (b, fake)]
        return terms | critic_terms(loss, *logits)

    return Pix2Pix(init, update, evaluate, translate, critique)
