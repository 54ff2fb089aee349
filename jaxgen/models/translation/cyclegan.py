"""CycleGAN: translation both ways, learnt without pairs.

Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks, 2017.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.checks import check_choice, check_count
from jaxgen.errors import InputError
from jaxgen.losses import gan, translation
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import averaging
from jaxgen.models.critic import Critic, CriticStep, critic_of
from jaxgen.models.gradient_step import gradient_step, with_gradient_norm
from jaxgen.models.remedies import Remedy
from jaxgen.models.translation import checks
from jaxgen.models.translation.image_pool import ImagePool, empty_pool, exchange
from jaxgen.models.translation.judged import critic_logits, judged_terms
from jaxgen.models.translation.noise import PUBLISHED_NOISE, Noise, check_images, signed
from jaxgen.models.translation.noise import translate as translate_with
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

Domain = Literal["a", "b"]

INTO: dict[Direction, Domain] = {"a_to_b": "b", "b_to_a": "a"}
"""The domain that a translator makes images of."""


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
    """There and back again.

    Attributes:
        translated: Images of the other domain, in [0, 1].
        reconstructed: What the other translator makes of these, in [0, 1].
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
        translate: `(state, images, key=None, direction="a_to_b") -> images`, of the
            averaged generator where there is one; without a key nothing is drawn.
        cycle: `(state, images, key=None, direction="a_to_b") -> Cycle`.
        sample: `(state, key, images, direction="a_to_b") -> images`.
        critique: `(state, images, domain="b") -> logits`, of patches as the critic
            gives them.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    translate: Callable[..., Array]
    cycle: Callable[..., Cycle]
    sample: Callable[..., Array]
    critique: Callable[..., Array]


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
    cycle: Callable[[Array, Array], PerExample] = translation.l1,
    pool_size: int = 50,
    remedies: Sequence[Remedy] = (),
    ema_decay: float | Array | None = None,
    noise: Noise = PUBLISHED_NOISE,
) -> CycleGAN:
    """Makes a CycleGAN of four networks, a loss and remedies.

    The generators G: a -> b and F: b -> a minimise, in the units of [-1, 1],

        L(D_b, G) + L(D_a, F) + cycle_weight (|F(G(a)) - a| + |G(F(b)) - b|)
        + identity_weight (|G(b) - b| + |F(a) - a|)

    and each critic half of its loss, whose generated images come from a pool.

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
        cycle: Distance after a cycle: `losses.translation.l1` or `mse`.
        pool_size: Images a pool can hold; 0 for none.
        remedies: See `jaxgen.models.remedies`; of both critics.
        ema_decay: Of the moving average of the generators that translate, their
            statistics included; by default they translate as they are.
        noise: What generators draw and normalize by when they translate.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`. Batches are `{"a": images, "b": images}` in [0, 1], whose rows need
        not be pairs. `update` gives generator_loss, adversarial_a_to_b,
        adversarial_b_to_a, cycle_a, cycle_b, identity_a, identity_b, and by domain
        critic_a_loss (the half that is minimised, of the first head, without
        penalties), real_logit_a, fake_logit_a, critic_a_gradient_norm and so on;
        critic_sum, the losses of both critics without the half; and
        generator_gradient_norm. Terms are not weighed.

    Raises:
        InputError: The parts do not go together; the sentence says why.
    """
    loss = gan.least_squares() if loss is None else loss
    weights = {"cycle_weight": cycle_weight, "identity_weight": identity_weight}
    checks.check_options(loss, critic_factor, noise, ema_decay, weights)
    check_count("pool_size", pool_size, 0)
    generators: dict[Direction, Network] = {"a_to_b": a_to_b, "b_to_a": b_to_a}
    for name, network in generators.items():
        checks.check_network(name, network, "resnet_translator")
    remedies = checks.check_remedies(remedies)
    with_identity = not checks.is_off(identity_weight)
    given: dict[Domain, Any] = {"a": critic_a, "b": critic_b}
    judges: dict[Domain, Critic] = {}
    for domain, critic in given.items():
        checks.check_network(f"critic_{domain}", critic, "patch_critic")
        judges[domain] = critic_of(
            critic,
            critic_optimizer,
            loss=loss,
            critic_factor=critic_factor,
            remedies=remedies,
        )

    def init(key: PRNGKeyArray, batch: Batch, /) -> CycleGANState:
        checks.check_pair_batch("CycleGAN", batch)
        images: dict[Domain, Array] = {name: signed(batch[name]) for name in ("a", "b")}
        if with_identity and images["a"].shape[1:] != images["b"].shape[1:]:
            raise InputError(
                f"Images a have shape {images['a'].shape[1:]} and images b "
                f"{images['b'].shape[1:]}, so that none can be translated to what it "
                "is: give identity_weight=0."
            )
        params, stats, critics, pools = {}, {}, {}, {}
        for direction, network in generators.items():
            domain = INTO[direction]
            source = images[INTO[BACK[direction]]]
            own = random.stream(key, f"generator {direction}")
            params[direction], stats[direction] = network.init(own, source)
            made = jax.eval_shape(
                network.apply, params[direction], stats[direction], source
            )[0]
            checks.check_translated(f"The translator {direction}", made, images[domain])
            critics[domain] = judges[domain].init(
                random.stream(key, f"critic {domain}"), images[domain], None
            )
            pools[domain] = empty_pool(pool_size, images[domain])
        return CycleGANState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            generators=NetState(params, stats, generator_optimizer.init(params)),
            critics=critics,
            pools=pools,
            ema=averaging.first_average((params, stats), ema_decay),
            remedies={
                domain: tuple(remedy.init() for remedy in remedies) for domain in judges
            },
        )

    def update(
        state: CycleGANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[CycleGANState, Metrics]:
        checks.check_pair_batch("CycleGAN", batch)
        key = random.step_key(state.key, state.step)
        images: dict[Domain, Array] = {name: signed(batch[name]) for name in ("a", "b")}

        def keys_of(name: str) -> RandomKeys:
            own, rows = random.stream(key, name), batch["a"].shape[0]
            return random.example_keys(own, rows, axis_name=axis_name)

        def step_of(player: str, domain: Domain) -> CriticStep:
            keys = keys_of(f"{player} {domain}")
            return CriticStep(state.step, keys, images[domain], None, axis_name)

        def generator_loss(params: Params) -> tuple[Array, Any]:
            stats = dict(state.generators.stats)

            def apply(direction: Direction, inputs: Array, name: str) -> Array:
                outputs, stats[direction] = generators[direction].apply(
                    params[direction],
                    stats[direction],
                    inputs,
                    keys=keys_of(f"{name} {direction}"),
                    train=True,
                    axis_name=axis_name,
                )
                return outputs

            terms: Metrics = {}
            fakes: dict[Domain, Array] = {}
            total = jnp.zeros(())
            for direction, domain in INTO.items():
                source = INTO[BACK[direction]]
                fake = apply(direction, images[source], "dropout")
                value = judges[domain].generator_loss(
                    state.critics[domain],
                    state.remedies[domain],
                    step_of("generator", domain),
                    fake,
                )
                back = apply(BACK[direction], fake, "cycle dropout")
                distance = jnp.mean(cycle(back, images[source]))
                terms[f"adversarial_{direction}"] = value
                terms[f"cycle_{source}"] = distance
                total += value + cycle_weight * distance
                fakes[domain] = fake
                if with_identity:
                    same = apply(direction, images[domain], "identity dropout")
                    distance = jnp.mean(translation.l1(same, images[domain]))
                    terms[f"identity_{domain}"] = distance
                    total += identity_weight * distance
            terms["generator_loss"] = total
            return total, (terms, (stats, fakes))

        net, metrics, (stats, fakes) = gradient_step(
            generator_loss,
            state.generators,
            generator_optimizer,
            axis_name=axis_name,
            average_kept=False,  # Each device made images of its own.
        )
        net = net._replace(stats=stats)
        metrics = with_gradient_norm(metrics, "generator")
        critics, pools, kept = {}, {}, {}
        critic_sum = jnp.zeros(())
        for domain, judge in judges.items():
            pools[domain], shown_fakes = exchange(
                random.stream(key, f"pool {domain}"),
                state.pools[domain],
                fakes[domain],
                axis_name=axis_name,
            )
            critics[domain], kept[domain], judged = judge.update(
                state.critics[domain],
                state.remedies[domain],
                step_of("critic", domain),
                shown_fakes,
            )
            critic_sum += judged["critic_loss"] / critic_factor
            metrics |= {_of(name, domain): value for name, value in judged.items()}
        metrics["critic_sum"] = critic_sum
        ema = averaging.next_average(
            (net.params, net.stats), state.ema, decay=ema_decay, step=state.step
        )
        new = CycleGANState(state.step + 1, state.key, net, critics, pools, ema, kept)
        return new, metrics

    def translate(
        state: CycleGANState,
        images: Array,
        key: RandomKeys | None = None,
        direction: Direction = "a_to_b",
    ) -> Array:
        check_choice("direction", direction, get_args(Direction))
        net = state.generators
        params, stats = averaging.in_use((net.params, net.stats), state.ema)
        used = (params[direction], stats[direction])
        return translate_with(generators[direction], used, images, key, noise)

    def sample(
        state: CycleGANState,
        key: RandomKeys | None,
        images: Array,
        direction: Direction = "a_to_b",
    ) -> Array:
        return translate(state, images, key, direction)

    def there_and_back(
        state: CycleGANState,
        images: Array,
        key: RandomKeys | None = None,
        direction: Direction = "a_to_b",
    ) -> Cycle:
        there = back = None
        if key is not None:
            there, back = random.stream(key, "there"), random.stream(key, "back")
        fake = translate(state, images, there, direction)
        return Cycle(fake, translate(state, fake, back, BACK[direction]))

    def critique(state: CycleGANState, images: Array, domain: Domain = "b") -> Array:
        check_choice("domain", domain, get_args(Domain))
        check_images("images", images)
        net, judge = state.critics[domain], judges[domain]
        return critic_logits(judge, net, signed(images), noise)

    def evaluate(state: CycleGANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        checks.check_pair_batch("CycleGAN", batch)
        terms: Metrics = {}
        for direction, domain in INTO.items():
            source = INTO[BACK[direction]]
            real, wanted = batch[source], batch[domain]
            fake, back = there_and_back(
                state, real, random.stream(key, direction), direction
            )
            terms[f"l1_{direction}"] = translation.l1(signed(fake), signed(wanted))
            terms[f"cycle_{source}"] = cycle(signed(back), signed(real))
            logits = [critique(state, one, domain) for one in (wanted, fake)]
            for name, values in judged_terms(loss, *logits).items():
                of = direction if name == "adversarial" else domain
                terms[f"{name}_{of}"] = values
            if real.shape == wanted.shape:
                own = random.stream(key, f"identity {direction}")
                same = translate(state, wanted, own, direction)
                terms[f"identity_{domain}"] = translation.l1(
                    signed(same), signed(wanted)
                )
        return terms

    return CycleGAN(
        init=init,
        update=update,
        evaluate=evaluate,
        translate=translate,
        cycle=there_and_back,
        sample=sample,
        critique=critique,
    )


def _of(name: str, domain: Domain) -> str:
    """The name of what the critic of a domain reports."""
    if name.startswith("critic_"):
        return f"critic_{domain}_{name.removeprefix('critic_')}"
    return f"{name}_{domain}"
