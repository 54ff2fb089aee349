"""CycleGAN: translation both ways, learnt without pairs.

Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks, 2017.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, get_args

import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_choice, check_count, check_network
from jaxgen.losses import gan, translation
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging
from jaxgen.models.critic import Critic, critic_of
from jaxgen.models.gradient_step import gradient_step, with_gradient_norm
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation import checks
from jaxgen.models.translation import inference as inference_modes
from jaxgen.models.translation.critic_outputs import critic_logits, critic_terms
from jaxgen.models.translation.cycle_critics import (
    adversarial_terms,
    init_critics,
    update_critics,
)
from jaxgen.models.translation.cycle_images import (
    cycle_images,
    cycle_terms,
    init_generators,
)
from jaxgen.models.translation.directions import SOURCE, TARGET, Domain
from jaxgen.models.translation.image_pool import ImagePool, empty_pool
from jaxgen.models.translation.inference import (
    PUBLISHED_INFERENCE,
    InferenceMode,
    check_images,
    to_signed,
)
from jaxgen.typing import (
    BACK,
    Array,
    Batch,
    Direction,
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

__all__ = ["Cycle", "CycleGAN", "CycleGANState", "cyclegan"]


class CycleGANState(NamedTuple):
    """The state of a CycleGAN: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        generators: Of both translators, by direction, behind one optimizer.
        critics: By domain.
        pools: Generated images of each domain.
        ema: Moving averages of the generators' parameters and statistics, or ().
        remedies: What each remedy keeps, by domain.
    """

    step: Array
    key: PRNGKeyArray
    generators: NetState
    critics: dict[Domain, NetState]
    pools: dict[Domain, ImagePool]
    ema: PyTree
    remedies: PyTree


class Cycle(NamedTuple):
    """Translations to the other domain, and back from it.

    Attributes:
        translated: Images of the other domain, in [0, 1].
        reconstructed: Translations of these by the other translator, in [0, 1].
    """

    translated: Array
    reconstructed: Array


class CycleGAN(NamedTuple):
    """The pure functions of a CycleGAN; see `cyclegan`. Images are in [0, 1].

    A direction is "a_to_b", the one by default, or "b_to_a".

    Attributes:
        init: `(key, batch) -> CycleGANState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (CycleGANState, Metrics)`: one step
            of both generators, then one of each critic.
        evaluate: `(state, key, batch) -> terms per example`: cycle_a, cycle_b,
            identity_a and identity_b where images of both domains are alike in shape,
            adversarial terms and logits by direction; and l1_a_to_b and l1_b_to_a, the
            distances from the other image of the row, which mean something if rows are
            pairs.
        translate: `(state, key, images, direction="a_to_b") -> images`, of the
            averaged generator where there is one; with None in place of a key nothing
            is drawn.
        cycle: `(state, key, images, direction="a_to_b") -> Cycle`, likewise.
        critique: `(state, images, domain="b") -> logits`, of patches as the critic
            gives them.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    translate: Callable[..., Array]
    cycle: Callable[..., Cycle]
    critique: Callable[..., Array]


@factory
def cyclegan(
    a_to_b: Network,
    b_to_a: Network,
    critic_a: Network,
    critic_b: Network,
    generator_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    *,
    loss: AdversarialLoss | None = None,
    critic_factor: float = 0.5,
    cycle_weight: float | Array = 10.0,
    identity_weight: float | Array = 5.0,
    cycle: Callable[[Array, Array], PerExample] = translation.mean_absolute_error,
    pool_size: int = 50,
    remedies: Sequence[Remedy] = (),
    ema_decay: float | Array | None = None,
    inference: InferenceMode = PUBLISHED_INFERENCE,
) -> CycleGAN:
    """Makes a CycleGAN of four networks, a loss and remedies.

    The generators G: a -> b and F: b -> a minimise, in the units of [-1, 1],

        L(D_b, G) + L(D_a, F) + cycle_weight (|F(G(a)) - a| + |G(F(b)) - b|)
        + identity_weight (|G(b) - b| + |F(a) - a|)

    (`losses.translation.cyclegan_objective`), and each critic `critic_factor` times its
    loss, whose generated images come from a pool.

    Args:
        a_to_b: G, signed, as `networks.resnet_translator()`.
        b_to_a: F.
        critic_a: Of what is real in a, with logits of shape (batch, ...), as
            `networks.patch_critic()`.
        critic_b: Likewise in b.
        generator_optimizer: Any optax transformation, of both generators at once;
            Adam(2e-4, b1=0.5) in the paper.
        critic_optimizer: Likewise, of each critic by itself; which is the same for all
            that look at one number at a time, as Adam does.
        loss: One of `losses.gan`; `least_squares()` by default.
        critic_factor: What the critic's loss is multiplied by.
        cycle_weight: Of the two distances after a cycle.
        identity_weight: Of the two distances of images translated to what they are;
            with 0 they are not calculated.
        cycle: Distance after a cycle, `losses.translation.mean_absolute_error` or
            `mean_squared_error`.
        pool_size: Images a pool can hold; 0 for none.
        remedies: See `jaxgen.models.remedies`; of both critics.
        ema_decay: Of the moving average of the generators that translate, their
            statistics included; by default they translate as they are.
        inference: Dropout and statistics of the generators when they translate.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Batches are `{"a": images, "b": images}` in [0, 1], whose rows need
        not be pairs. `update` gives generator_loss, adversarial_a_to_b,
        adversarial_b_to_a, cycle_a, cycle_b, identity_a, identity_b, and by domain
        critic_a_loss (`critic_factor` times the loss of the first head, without
        penalties), real_logit_a, fake_logit_a, critic_a_gradient_norm and so on;
        critic_sum, the losses of both critics without the factor; and
        generator_gradient_norm. Terms are not weighed.

    Raises:
        InputError: The parts do not go together; the sentence says why.
    """
    loss = gan.least_squares() if loss is None else loss
    weights: dict[str, Any] = {
        "cycle_weight": cycle_weight,
        "identity_weight": identity_weight,
    }
    checks.check_options(loss, critic_factor, inference, ema_decay, weights)
    check_count("pool_size", pool_size, 0)
    remedies = checks.check_remedies(remedies)
    with_identity = not checks.is_off(identity_weight)
    generators: dict[Direction, Network] = {"a_to_b": a_to_b, "b_to_a": b_to_a}
    for direction, network in generators.items():
        check_network(direction, network, "resnet_translator")
    make_critic = partial(
        critic_of,
        optimizer=critic_optimizer,
        loss=loss,
        critic_factor=critic_factor,
        remedies=remedies,
    )
    given: dict[Domain, Network] = {"a": critic_a, "b": critic_b}
    critics: dict[Domain, Critic] = {}
    for domain, network in given.items():
        check_network(f"critic_{domain}", network, "patch_critic")
        critics[domain] = make_critic(network)

    def init(key: PRNGKeyArray, batch: Batch, /) -> CycleGANState:
        images = _signed_images(batch)
        if with_identity:
            checks.check_same_shape(images["a"], images["b"])
        params, stats = init_generators(generators, key, images)
        return CycleGANState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generators=NetState(params, stats, generator_optimizer.init(params)),
            critics=init_critics(critics, key, images),
            pools={name: empty_pool(pool_size, images[name]) for name in critics},
            ema=averaging.first_average((params, stats), ema_decay),
            remedies={
                domain: tuple(remedy.init() for remedy in remedies)
                for domain in critics
            },
        )

    def update(
        state: CycleGANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[CycleGANState, Metrics]:
        key = random.step_key(state.key, state.step)
        images = _signed_images(batch)

        def generator_loss(params: Params) -> tuple[Array, Any]:
            made, stats = cycle_images(
                generators,
                params,
                state.generators.stats,
                key,
                images,
                with_identity=with_identity,
                axis_name=axis_name,
            )
            terms = cycle_terms(images, made, cycle) | adversarial_terms(
                critics, state, key, images, made.translated, axis_name
            )
            total = translation.cyclegan_objective(**terms, **weights)
            terms["generator_loss"] = total
            return total, (terms, (stats, made.translated))

        net, terms, (stats, fakes) = gradient_step(
            generator_loss,
            state.generators,
            generator_optimizer,
            axis_name=axis_name,
            average_kept=False,  # Each device made images of its own.
        )
        net = net._replace(stats=stats)
        state, metrics = update_critics(critics, state, key, images, fakes, axis_name)
        metrics["critic_sum"] /= critic_factor
        ema = averaging.next_average(
            (net.params, net.stats), state.ema, decay=ema_decay, step=state.step
        )
        new = state._replace(step=state.step + 1, generators=net, ema=ema)
        return new, with_gradient_norm(terms, "generator") | metrics

    def translate(
        state: CycleGANState,
        key: RandomKeys | None,
        images: Array,
        direction: Direction = "a_to_b",
    ) -> Array:
        check_choice("direction", direction, get_args(Direction))
        network, used = generators[direction], _in_use(state, direction)
        return inference_modes.translate(network, used, key, images, inference)

    def translate_and_back(
        state: CycleGANState,
        key: RandomKeys | None,
        images: Array,
        direction: Direction = "a_to_b",
    ) -> Cycle:
        there = back = None
        if key is not None:
            there, back = random.stream(key, "there"), random.stream(key, "back")
        fake = translate(state, there, images, direction)
        return Cycle(fake, translate(state, back, fake, BACK[direction]))

    def critique(state: CycleGANState, images: Array, domain: Domain = "b") -> Array:
        check_choice("domain", domain, get_args(Domain))
        check_images("images", images)
        net, critic = state.critics[domain], critics[domain]
        return critic_logits(critic, net, to_signed(images), inference)

    def evaluate(state: CycleGANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        images = _signed_images(batch)
        terms: Metrics = {}
        for direction, domain in TARGET.items():
            source = SOURCE[direction]
            own = random.stream(key, direction)
            fake, back = translate_and_back(state, own, batch[source], direction)
            away = translation.mean_absolute_error(to_signed(fake), images[domain])
            terms[f"l1_{direction}"] = away
            terms[f"cycle_{source}"] = translation.cycle_consistency(
                to_signed(back), images[source], distance=cycle
            )
            logits = [critique(state, one, domain) for one in (batch[domain], fake)]
            found = critic_terms(loss, *logits)
            terms[f"adversarial_{direction}"] = found.pop("adversarial")
            terms |= {f"{name}_{domain}": value for name, value in found.items()}
            if images["a"].shape == images["b"].shape:
                own = random.stream(key, f"identity {direction}")
                same = translate(state, own, batch[domain], direction)
                terms[f"identity_{domain}"] = translation.identity_mapping(
                    to_signed(same), images[domain]
                )
        return terms

    return CycleGAN(init, update, evaluate, translate, translate_and_back, critique)


def _in_use(state: CycleGANState, direction: Direction) -> tuple[Params, PyTree]:
    """Returns parameters and statistics of the generator that translates."""
    net = state.generators
    params, stats = averaging.in_use((net.params, net.stats), state.ema)
    return params[direction], stats[direction]


def _signed_images(batch: Batch) -> dict[Domain, Array]:
    checks.check_pair_batch("CycleGAN", batch)
    return {"a": to_signed(batch["a"]), "b": to_signed(batch["b"])}
