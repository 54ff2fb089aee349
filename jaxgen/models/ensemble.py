"""Many models trained at once: seeds, and settings, along an axis of `vmap`.

Small networks leave most of a device idle. Members of an ensemble share its batches and
its calls; each draws its own random numbers, those it would draw alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.calls import factory, keep_call
from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    Model,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    Update,
)

__all__ = ["Ensemble", "EnsembleState", "ensemble", "member_key", "members"]


Call = Callable[[Any, Any], Any]


class EnsembleState(NamedTuple):
    """The states of all members, stacked.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        net: The members' states, each leaf with a leading axis of members.
    """

    step: Array
    key: PRNGKeyArray
    net: PyTree


class Ensemble(NamedTuple):
    """The pure functions of an ensemble; see `ensemble`.

    Attributes:
        init: `(key, batch) -> EnsembleState`.
        update: `(state, batch, axis_name=None) -> (EnsembleState, Metrics)`; the terms
            are means over members.
        evaluate: `(state, key, batch) -> terms per example`, means over members.
        sample: `(state, key, n) -> samples`, shape (members, n, ...), of members that
            are a `Generator`; all members are given the same key.
        translate: `(state, key, images, **options) -> images`, shape (members, batch,
            ...), of members that are a `Translator`; likewise.
        evaluate_members: As `evaluate`, with a leading axis of members.
        member: `(state, index) -> state` of one member, for the functions of its model.
        num_members: Settings times seeds.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    sample: Callable[..., Array]
    translate: Callable[..., Array]
    evaluate_members: Evaluate
    member: Callable[[EnsembleState, int], Any]
    num_members: int


def ensemble(
    build: Callable[[Any], Model], settings: PyTree = None, *, num_seeds: int = 1
) -> Ensemble:
    """Makes one model of many, which `fit` trains like any other.

    Member `setting * num_seeds + seed` is `build(settings[setting])`, trained as `fit`
    would train it with the key `member_key(key, seed)` on the same data: seeds are the
    same for all settings.

    Args:
        build: From a setting, whose numbers are traced, to a model.
        settings: A pytree of arrays with a leading axis of settings (a list of numbers
            is one); None for one.
        num_seeds: Members of each setting.

    Returns:
        The ensemble, a model like any other.

    Raises:
        InputError: The settings are of several lengths, or there is no member.

    Examples:
        >>> import optax
        >>> from jaxgen import losses, models, networks
        >>> def build(beta):
        ...     return models.vae(
        ...         networks.mlp_encoder(2, (8,)),
        ...         networks.mlp_decoder((4, 4, 1), (8,)),
        ...         optax.adam(1e-3),
        ...         likelihood=losses.vae.bernoulli(),
        ...         prior=losses.vae.priors.standard_normal(2),
        ...         objective=losses.vae.objectives.beta(beta),
        ...     )
        >>> ensemble(build, [1.0, 4.0], num_seeds=5).num_members
        10
    """
    settings = jax.tree.map(jnp.asarray, settings, is_leaf=_is_list)
    num_settings = _length(settings)
    check_count("num_seeds", num_seeds, 1)
    leaves = jax.tree.leaves(settings)
    each = jax.tree.map(lambda leaf: jnp.repeat(leaf, num_seeds, axis=0), settings)
    axes = (0 if leaves else None, 0)

    def each_member(call: Call, members: PyTree) -> Any:
        return jax.vmap(
            lambda setting, member: call(build(setting), member), in_axes=axes
        )(each, members)

    def arguments() -> dict[str, Any]:
        rows = range(num_settings)
        own = [jax.tree.map(lambda leaf, row=row: leaf[row], settings) for row in rows]
        return {"models": tuple(map(build, own)), "num_seeds": num_seeds}

    made = _of_members(each_member, num_settings, num_seeds)
    return keep_call(members, arguments, made)


@factory
def members(models: Sequence[Model], *, num_seeds: int = 1) -> Ensemble:
    """Makes one model of several, as `ensemble` does of one with several settings.

    It compiles each member for itself, and so is for few of them, or for those of a run
    that was trained by `ensemble`.

    Args:
        models: The models of the settings, whose states are of the same shapes.
        num_seeds: Members of each model.
    """
    check_count("len(models)", len(models), 1)
    check_count("num_seeds", num_seeds, 1)

    def each_member(call: Call, members: PyTree) -> Any:
        found = []
        for index in range(len(models) * num_seeds):
            own = jax.tree.map(partial(_entry, index=index), members)
            found.append(call(models[index // num_seeds], own))
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *found)

    return _of_members(each_member, len(models), num_seeds)


def _of_members(
    each_member: Callable[[Call, PyTree], Any], num_settings: int, num_seeds: int
) -> Ensemble:
    """Returns an ensemble.

    Args:
        each_member: Calls `call(model, entry of members)` for every member.
        num_settings: How many settings there are.
        num_seeds: Members of each setting.
    """
    num_members = num_settings * num_seeds

    def init(key: PRNGKeyArray, batch: Batch) -> EnsembleState:
        keys = jax.vmap(partial(member_key, key))(jnp.arange(num_seeds))
        keys = jnp.tile(keys, num_settings)
        members = each_member(lambda model, own: model.init(own, batch), keys)
        return EnsembleState(jnp.zeros((), jnp.int32), key, members)

    def update(
        state: EnsembleState, batch: Batch, axis_name: str | None = None
    ) -> tuple[EnsembleState, Metrics]:
        members, metrics = each_member(
            lambda model, member: model.update(member, batch, axis_name), state.net
        )
        return EnsembleState(state.step + 1, state.key, members), _mean(metrics)

    def evaluate_members(
        state: EnsembleState, key: PRNGKeyArray, batch: Batch
    ) -> Metrics:
        return each_member(
            lambda model, member: model.evaluate(member, _again(key), batch), state.net
        )

    def evaluate(state: EnsembleState, key: PRNGKeyArray, batch: Batch) -> Metrics:
        return _mean(evaluate_members(state, key, batch))

    def sample(state: EnsembleState, key: PRNGKeyArray, n: int) -> Array:
        return each_member(
            lambda model, member: _function(model, "sample")(member, _again(key), n),
            state.net,
        )

    def translate(
        state: EnsembleState, key: RandomKeys | None, images: Array, **options: Any
    ) -> Array:
        return each_member(
            lambda model, member: _function(model, "translate")(
                member, _again(key), images, **options
            ),
            state.net,
        )

    def member(state: EnsembleState, index: int) -> Any:
        if not -num_members <= index < num_members:
            raise InputError(
                f"There is no member {index}: the ensemble has {num_members}."
            )
        return jax.tree.map(partial(_entry, index=index), state.net)

    return Ensemble(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=sample,
        translate=translate,
        evaluate_members=evaluate_members,
        member=member,
        num_members=num_members,
    )


def _function(model: Any, name: str) -> Callable[..., Array]:
    if not hasattr(model, name):
        raise InputError(
            f"The members are of the kind {type(model).__name__}, which has no {name}: "
            "use `sample` for generators and `translate` for translators."
        )
    return getattr(model, name)


def _entry(leaf: Array, index: int) -> Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.clone(leaf)  # the root key is used again and again
    return leaf[index]


def _again(key: RandomKeys | None) -> RandomKeys | None:
    return None if key is None else jax.random.clone(key)


def _is_list(tree: Any) -> bool:
    return isinstance(tree, list)


def _length(settings: PyTree) -> int:
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(settings)]
    lengths = {shape[0] if shape else 0 for shape in shapes} or {1}
    if len(lengths) > 1 or 0 in lengths:
        raise InputError(
            f"The settings have shapes {shapes}: give arrays of one length, an entry "
            "for each setting."
        )
    return lengths.pop()


def member_key(key: PRNGKeyArray, seed: int | Array) -> PRNGKeyArray:
    """Returns the root key of an ensemble's seed."""
    check_key(key)
    return jax.random.fold_in(key, seed)


def _mean(metrics: Metrics) -> Metrics:
    return jax.tree.map(partial(jnp.mean, axis=0), metrics)
