"""NaN in, NaN out: no public function of arrays makes a number out of NaN.

The functions come from `__all__`, so a new one fails here until it has an entry. Each
array of floating point of an entry is poisoned in turn, once in its first element and
once as a whole. The function must then raise an InputError that says so, or every
floating result must hold a NaN, respectively nothing else. Integers and booleans cannot
hold one.
"""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import divergences, losses, metrics, numerics
from jaxgen.errors import InputError
from jaxgen.losses import boosting, contrastive, gan, penalties, translation, vae
from jaxgen.losses.vae import families, objectives, priors, regularizers
from tests import nan_cases, nan_cases_of_metrics

CASES = {
    divergences: nan_cases.DIVERGENCES,
    numerics: nan_cases.NUMERICS,
    vae: nan_cases.VAE,
    families: nan_cases.FAMILIES,
    objectives: nan_cases.OBJECTIVES,
    priors: nan_cases.PRIORS,
    regularizers: nan_cases.REGULARIZERS,
    gan: nan_cases.GAN,
    penalties: nan_cases.PENALTIES,
    translation: nan_cases.TRANSLATION,
    contrastive: nan_cases.CONTRASTIVE,
    boosting: nan_cases.BOOSTING,
    metrics: nan_cases_of_metrics.METRICS,
}

LEFT_OUT = {
    "combine_classes": "labels are integers",
    "equivalence": "its arguments are a name and numbers, which it checks",
    "estimator_state": "a first state holds no number of the posterior",
    "expected_coverage": "its arguments are counts",
    "frechet_bias": "its arguments are counts",
    "half_samples": "its arguments are counts",
    "halves": "its arguments are counts",
    "is_bound_estimator": "its argument is an estimator",
    "leak_rate": "labels are integers",
    "mixture_weights": "shares are Python numbers, which it checks",
    "standard_normal": "its argument is a count",
    "uniform_bernoulli": "its argument is a count",
    "uniform_categorical": "its arguments are counts",
    "wilson_interval": "its arguments are counts",
}
"""Functions without an array of floating point, with the reason."""


def functions(module):
    found = {name: getattr(module, name) for name in module.__all__}
    # A class holds arguments or results. inspect.unwrap sees through custom_jvp.
    return {
        name: value
        for name, value in found.items()
        if inspect.isfunction(inspect.unwrap(value))
    }


def numbers(result):
    """Returns what a result holds of floating point."""
    found = [np.asarray(leaf) for leaf in jax.tree.leaves(result) if _is_float(leaf)]
    assert found, "an entry must give numbers"
    return found


def _is_float(leaf):
    return isinstance(leaf, float) or (
        isinstance(leaf, jax.Array | np.ndarray | np.generic)
        and jnp.issubdtype(leaf.dtype, jnp.floating)
    )


def poisoned(given):
    """Yields the arguments with NaN in one array, in one place and everywhere."""
    leaves, structure = jax.tree.flatten(given)
    for place, leaf in enumerate(leaves):
        if not (isinstance(leaf, jax.Array | np.ndarray) and _is_float(leaf)):
            continue
        for everywhere in (False, True)[: 1 + bool(leaf.ndim)]:
            value = np.array(leaf)
            value[... if everywhere else (0,) * value.ndim] = np.nan
            value = jnp.asarray(value) if isinstance(leaf, jax.Array) else value
            new = [*leaves[:place], value, *leaves[place + 1 :]]
            yield jax.tree.unflatten(structure, new), everywhere, place


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, cases in CASES.items() for name in cases],
    ids=lambda one: one if isinstance(one, str) else one.__name__.split(".")[-1],
)
def test_nan_in_gives_nan_out_or_is_refused(module, name):
    by, given = CASES[module][name]
    function = functions(module)[name]

    def call(given):
        arguments, options = given
        with jax.debug_key_reuse(False):
            return numbers(by(function, *arguments, **options))

    refused = []
    for bad, everywhere, place in poisoned(given):
        try:
            found = call(bad)
        except InputError as error:
            refused.append(re.search("finite|NaN|not numbers", str(error)))
            continue
        refused.append(False)
        for one in found:
            nan = np.isnan(one)
            assert nan.all() if everywhere else nan.any(), f"array {place}: {one}"
    if not all(refused):
        assert not any(np.isnan(one).any() for one in call(given)), "a bad example"


def test_every_public_function_of_arrays_is_swept():
    swept = {name for cases in CASES.values() for name in cases}
    public = {name for module in CASES for name in functions(module)}
    assert not public - swept - LEFT_OUT.keys(), "add an entry, or a reason"
    assert not (swept | LEFT_OUT.keys()) - public, "these are no longer there"
    assert not swept & LEFT_OUT.keys()


def test_every_module_is_swept():
    modules = {
        getattr(package, name)
        for package in (losses, vae, metrics)
        for name in package.__all__
        if inspect.ismodule(getattr(package, name))
    }
    # Its functions make networks; that `extract` refuses NaN has a test of its own.
    assert modules - {metrics.features} <= CASES.keys()
