"""NaN in, NaN out: no public function of arrays makes a number out of NaN.

The functions come from `__all__`, so a new one fails here until it has an entry. Each
array of floating point of an entry is poisoned in turn, once in its first element and
once as a whole. The function must then raise an InputError that says so and names the
argument, or every floating result must hold a NaN, respectively nothing else. Integers
and booleans cannot hold one.
"""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgen
import jaxgen.report
from jaxgen import data, divergences, estimators, losses, metrics, numerics
from jaxgen.errors import InputError
from jaxgen.losses import (
    boosting,
    classification,
    contrastive,
    dag,
    gan,
    penalties,
    translation,
    vae,
    veegan,
)
from jaxgen.losses.vae import families, objectives, priors, regularizers
from tests import nan_cases, nan_cases_of_metrics, nan_cases_of_sampling

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
    classification: nan_cases.CLASSIFICATION,
    dag: nan_cases.DAG,
    veegan: nan_cases.VEEGAN,
    metrics: nan_cases_of_metrics.METRICS,
    estimators: nan_cases_of_sampling.ESTIMATORS,
    data.augment: nan_cases_of_sampling.AUGMENT,
    data.colour: nan_cases_of_sampling.COLOUR,
    data.differentiable: nan_cases_of_sampling.DIFFERENTIABLE,
    data.tiles: nan_cases_of_sampling.TILES,
}

LEFT_OUT = {
    "check_colour": "it looks at a shape",
    "check_score": "its arguments are names",
    "critic_logits": "its images are bytes; what the critic gives has its own test",
    "cut_direction": "it holds functions",
    "cyclegan_directions": "it holds functions",
    "check_mean": "it raises an AssertionError, see test_pitfalls.py",
    "check_unbiased": "it raises an AssertionError, see test_pitfalls.py",
    "compare": "what it compares with, exact_grad, is swept",
    "menu": "it has no argument",
    "split_lab": "its images are bytes",
    "tiling": "its arguments are counts, which it checks",
    "why_not": "its answer is a sentence",
    "count_modes": "modes are integers",
    "mode_replicates": "modes are integers",
    "require_sklearn": "its argument is the name of a module",
    "ssim_window": "its arguments are counts",
    "warmed_state": "exact_grad and grad_samples, of the same arguments, are swept",
    "combine_classes": "labels are integers",
    "equivalence": "its arguments are a name and numbers, which it checks",
    "estimator_state": "a first state holds no number of the posterior",
    "expected_coverage": "its arguments are counts",
    "frechet_bias": "its arguments are counts",
    "from_name": "its argument is a name",
    "name_label": "its argument is a name",
    "published_factors": "its argument is a name",
    "gan_monitors": "its images are those of sets, which are bytes",
    "likelihood_from_name": "its argument is a name, its number is checked",
    "set_log_likelihood": "importance_log_likelihood, of the same arguments, is swept",
    "half_samples": "its arguments are counts",
    "halves": "its arguments are counts",
    "is_bound_estimator": "its argument is an estimator",
    "leak_rate": "labels are integers",
    "draw_images": "its images are bytes",
    "mean_absolute_differences": "its images are bytes",
    "mean_translation_scores": "its images are bytes",
    "pix2pix_direction": "it holds functions",
    "shown_translations": "its images are bytes",
    "smallest_margin": "its argument is what translation_scores gives",
    "translate_images": "its images are bytes; what a model gives has its own test",
    "translation_reference": "its images are bytes",
    "translation_references": "its images are bytes",
    "translation_results": "its images are bytes",
    "translation_score_table": "its argument is what translation_scores gives",
    "translation_scores": "its images are bytes",
    "measure_quality": "its images are bytes, and its distance is swept",
    "quality_reference": "its images are read by `extract`, which has its own test",
    "mixture_weights": "shares are Python numbers, which it checks",
    "standard_normal": "its argument is a count",
    "standard_prior": "it looks at a shape",
    "uniform_bernoulli": "its argument is a count",
    "uniform_categorical": "its arguments are counts",
    "wilson_interval": "its arguments are counts",
}
"""Functions without an array of floating point, with the reason."""

MODULES_LEFT_OUT = {
    data: "its own functions open sets, whose pixels are bytes",
    data.degradations: "pixels are bytes",
    data.mixtures: "arguments are numbers, which it checks",
    data.sprites: "factors are integers",
    data.transforms: "they move pixels",
    estimators.distributions: "it holds what estimators are made of",
    jaxgen.errors: "it has a class alone",
    jaxgen.report: "figures check their arrays, see tests/report",
    jaxgen.run: "it holds what scripts do around their main",
    jaxgen.typing: "it has types alone",
    jaxgen.models: "training.fit stops at a NaN in what a step returns",
    jaxgen.networks: "they are sums and products, and what import refuses has tests",
    jaxgen.random: "arguments are keys, and weights that it checks",
    jaxgen.report: "a file may hold NaN, which the page shows",
    jaxgen.training: "it stops at a NaN, see tests/training/test_guard.py",
    losses: "it has modules alone",
    metrics.features: "it makes networks; that `extract` refuses NaN has its own test",
}


def functions(module):
    own = [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and name[0] != "_"
    ]
    found = {name: getattr(module, name) for name in getattr(module, "__all__", own)}
    # A class holds arguments or results. inspect.unwrap sees through custom_jvp.
    return {
        name: value
        for name, value in found.items()
        if inspect.isfunction(inspect.unwrap(value))
    }


def name_of(function, by, given, place):
    """Returns the name of the argument that holds an array, of `by` or the function."""
    paths = jax.tree_util.tree_flatten_with_path(given)[0]
    options, argument = paths[place][0][:2]
    if options.idx:
        return argument.key
    own = list(inspect.signature(by).parameters.values())
    if own[1].kind is inspect.Parameter.VAR_POSITIONAL:
        return list(inspect.signature(function).parameters)[argument.idx]
    return own[1 + argument.idx].name


def says(sentence, name):
    """Whether a sentence speaks of NaN and of the argument."""
    of_nan = re.search("finite|nan|not numbers", sentence, re.IGNORECASE)
    # "reconstructed images" are the argument `reconstructions`.
    words = [name] if name in sentence else [word[:4] for word in name.split("_")]
    return of_nan and all(re.search(rf"\b{word}", sentence, re.I) for word in words)


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

    answered = False
    for bad, everywhere, place in poisoned(given):
        try:
            found = call(bad)
        except InputError as error:
            said = says(str(error), name_of(function, by, given, place))
            assert said, error  # noqa: PT017
            continue
        answered = True
        for one in found:
            nan = np.isnan(one)
            assert nan.all() if everywhere else nan.any(), f"array {place}: {one}"
    if answered:
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
        for package in (jaxgen, losses, vae, metrics, data, estimators)
        for name in getattr(package, "__all__", vars(package))
        if inspect.ismodule(getattr(package, name))
    }
    modules = {one for one in modules if one.__name__.startswith("jaxgen.")}
    assert not modules - CASES.keys() - MODULES_LEFT_OUT.keys(), (
        "add cases, or a reason"
    )
