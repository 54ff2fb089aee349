"""Calls of factories: written as JSON, made again, and nothing else."""

import functools
import gc
import importlib
import inspect
import json
import math
import sys
import weakref
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen import calls, data, estimators, losses, models, networks
from jaxgen.calls import build, describe
from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives, priors
from jaxgen.models import remedies

PACKAGES = [
    "networks",
    "models",
    "models.remedies",
    "models.schedules",
    "losses.gan",
    "losses.vae",
    "losses.vae.objectives",
    "losses.vae.priors",
    "losses.vae.regularizers",
    "data.transforms",
    "data.differentiable",
]

RETURNED = {
    "Network",
    "Likelihood",
    "Prior",
    "Objective",
    "Divergence",
    "AdversarialLoss",
    "Remedy",
    "Transform",
    "VAE",
    "GAN",
    "CUT",
    "CycleGAN",
    "Pix2Pix",
    "VEEGAN",
    "AdaGAN",
}
"""What a public factory returns: types of functions."""


def a_gan(**more):
    return models.gan(
        networks.mlp_generator((4,), (8,)),
        networks.mlp_critic((8,)),
        optax.adam(1e-3),
        optax.adam(1e-3),
        latents=2,
        **more,
    )


def a_vae(**more):
    given = {
        "likelihood": losses.vae.bernoulli(),
        "prior": priors.standard_normal(2),
    } | more
    return models.vae(
        networks.mlp_encoder(2, (8,)),
        networks.mlp_decoder((4, 4, 1), (8,)),
        optax.adam(1e-3),
        **given,
    )


ARGUMENTS = {
    "models": [a_vae(), a_vae()],
    "image_shape": (8, 8, 1),
    "sample_shape": (4,),
    "latents": 2,
    "num_latents": 2,
    "num_variables": 3,
    "num_classes": 2,
    "module": networks.ConditionalPrior(2),
    "decoder": networks.mlp_decoder((4, 4, 1), (8,)),
    "network": networks.conditional_prior(2),
    "transforms": data.transforms.rotations(),
    "function": data.differentiable.diff_augment(),
    "channels": (3, 3),
    "standard_deviation": 0.1,
    "rate": 0.1,
    "steps": 3,
    "decay_steps": 2,
    "gamma": 2.0,
    "target": 1.0,
    "nats": 0.5,
    "examples": 1000.0,
    "batch_size": 4,
    "image_size": 16,
    "generator": networks.mlp_generator((4,), (8,)),
    "reconstructor": networks.mlp_encoder(2, (8,)),
    "encoder": networks.mlp_encoder(2, (8,)),
    "critic": networks.mlp_critic((8,)),
    "likelihood": losses.vae.bernoulli(),
    "prior": priors.standard_normal(2),
    "features": networks.resnet_features(1, width=2, blocks=1),
    "heads": networks.patch_heads(4),
    "a_to_b": networks.resnet_translator(1, width=2, blocks=1),
    "b_to_a": networks.unet_translator(1, width=2, depth=2),
    "critic_a": networks.patch_critic(width=2, layers=1),
    "critic_b": networks.pixel_critic(width=2),
    "component": a_gan(),
    "classifier": networks.mlp_critic((8,)),
    "num_components": 2,
    "component_steps": 1,
    "classifier_steps": 1,
    "init": losses.gan.hinge_critic_loss,
    "apply": losses.gan.hinge_critic_loss,
    "weight": 1.0,
    "first": 0.5,
    "last": 1.0,
    "estimator": estimators.GumbelSoftmax(0.5),
    "temperature": models.schedules.constant_then_linear(1.0, steps=1, decay_steps=1),
}
"""An argument for each parameter without a default, by its name."""

OTHERS = {
    "jaxgen.models.remedies.feature_matching": "features are a function of a critic",
    "jaxgen.models.stylegan": "takes two networks for a generator: see `a_stylegan`",
}
"""Factories with other arguments: functions of the caller, which have no name."""


def public(package):
    module = importlib.import_module(f"jaxgen.{package}")
    return {
        f"jaxgen.{package}.{name}": getattr(module, name) for name in module.__all__
    }


def a_stylegan():
    """StyleGAN2 as it is trained on a GPU."""
    sizes = networks.StyleGAN2Config(channel_max=8, compute_dtype=jnp.bfloat16)
    return models.stylegan(
        models.StyledGenerator(
            networks.stylegan2_mapping(sizes),
            networks.stylegan2_synthesis(16, sizes),
            networks.stylegan_num_styles(16),
        ),
        networks.stylegan2_critic(sizes),
        image_size=16,
        batch_size=4,
        augment=remedies.adaptive_augment(data.differentiable.ada(), every=4),
    )


def factories():
    every = {name: one for package in PACKAGES for name, one in public(package).items()}
    return {name: one for name, one in every.items() if calls.is_factory(one)}


def arguments_of(factory, **given):
    found = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        if name.endswith("optimizer"):
            found[name] = optax.adam(1e-3)
        elif name in given:
            found[name] = given[name]
        elif (
            parameter.default is inspect.Parameter.empty
            and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ):
            found[name] = ARGUMENTS[name]
    return found


def rebuilt(value):
    """Returns a value and its description after a round trip through JSON."""
    text = json.dumps(describe(value), allow_nan=False)
    return build(json.loads(text)), text


@pytest.mark.parametrize("name", sorted(factories().keys() - OTHERS.keys()))
def test_every_public_factory_is_described_and_built_again(name):
    factory = factories()[name]
    made = factory(**arguments_of(factory))
    for one in made if type(made) is tuple else (made,):
        again, text = rebuilt(one)
        assert type(again) is type(one)
        assert json.dumps(describe(again)) == text


BY_NAME = {
    "jaxgen.losses.gan.from_name",
    "jaxgen.losses.vae.likelihood_from_name",
    "jaxgen.models.published_gan",
}
"""What they return, a factory of another name made."""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_function_that_makes_functions_keeps_its_calls(package):
    missing = []
    for name, one in public(package).items():
        if not inspect.isfunction(one) or calls.is_factory(one):
            continue
        returned = str(inspect.signature(one).return_annotation)
        if returned.rpartition(".")[2].rstrip("'>") in RETURNED:
            missing.append(name)
    assert not set(missing) - BY_NAME


def test_a_decorated_factory_is_documented_and_typed_as_before():
    encoder = networks.mlp_encoder
    assert encoder.__name__ == "mlp_encoder"
    assert encoder.__module__ == "jaxgen.networks.mlp"
    assert encoder.__doc__.startswith("Returns `MLPEncoder`")
    assert list(inspect.signature(encoder).parameters)[:2] == ["latents", "features"]


def test_the_same_numbers_come_out_of_a_model_that_is_built_again():
    model = a_vae(
        prior=priors.mixture(2, 3),
        objective=objectives.capacity(2.0, 0.5),
        estimator=estimators.Pathwise(),
    )
    both = (model, rebuilt(model)[0])
    batch = {"image": jax.random.uniform(jax.random.key(1), (3, 4, 4, 1))}
    state, other = (jax.jit(one.init)(jax.random.key(0), batch) for one in both)
    assert jax.tree.leaves(other.net.opt_state) == []
    assert jax.tree.leaves(state.net.opt_state) != []
    terms, others = (
        jax.jit(one.evaluate)(state, jax.random.key(2), batch) for one in both
    )
    jax.tree.map(np.testing.assert_array_equal, terms, others)


@pytest.mark.parametrize(
    "value",
    [
        a_gan(
            loss=losses.gan.hinge(),
            remedies=[remedies.r1(1.0, every=4), remedies.lecam()],
            ema_decay=jnp.float32(0.9),
        ),
        a_gan(ema_decay=models.schedules.half_life(100.0, batch_size=4, ramp=0.05)),
        models.StyledGenerator(*[networks.mlp_encoder(2)] * 2, num_styles=2),
        a_stylegan(),
        models.InferenceMode(statistics="running"),
        networks.mlp_encoder((3, 2), activation=jnp.tanh),
        networks.mlp_encoder(2, kernel_init=networks.fan_in_uniform),
        networks.mlp_encoder(2, activation=partial(nn.leaky_relu, negative_slope=0.1)),
        networks.unet_translator(1, depth=2, dtype=jnp.bfloat16),
        networks.unet_translator(1, depth=2, dtype=np.dtype("float32")),
        networks.resnet_features(1, blocks=2),
        networks.pure(networks.MLPDecoder((2, 2, 1), activation=nn.gelu)),
        networks.mlp_encoder(2, activation=partial(nn.celu, alpha=math.inf)),
        objectives.constrained(jnp.float32(3.0)),
        remedies.dag(data.transforms.crops(0.5)),
        remedies.augment(data.transforms.any_of(data.transforms.rotations()[1:])),
        losses.gan.AdversarialLoss(
            "mine", losses.gan.hinge_critic_loss, losses.gan.minimax_generator_loss
        ),
        estimators.GumbelSoftmax(0.3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arguments_of_every_kind_are_described(value):
    again, text = rebuilt(value)
    assert type(again) is type(value)
    assert json.dumps(describe(again)) == text


def test_every_estimator_at_its_defaults_is_described():
    for estimator in estimators.menu():
        again, _ = rebuilt(estimator)
        assert again == estimator


@pytest.mark.parametrize(
    "value",
    [
        a_vae()._replace(sample=lambda state, key, n: None),
        networks.mlp_encoder(2)._replace(apply=jax.jit(networks.mlp_encoder(2).apply)),
        networks.mlp_encoder(2, activation=lambda x: x),
        networks.pure(nn.Dense(3)),
        networks.pure_functions(lambda key: (), lambda params, x: x),
        a_vae(objective=objectives.beta(lambda step: 0.5)),
        networks.mlp_encoder(2, activation=partial(nn.celu, alpha=jnp.ones(5000))),
        models.ensemble(lambda beta: a_vae(estimator=lambda step: None), [1.0]),
        lambda x: x,
        3,
    ],
    ids=range(10),
)
def test_what_is_not_as_a_factory_returned_it_is_not_described(value):
    assert describe(value) is None


def test_an_ensemble_is_built_again_as_its_members():
    def build_one(beta):
        return a_vae(objective=objectives.beta(beta))

    model = models.ensemble(build_one, [1.0, 2.0], num_seeds=2)
    again, _ = rebuilt(model)
    batch = {"image": jax.random.uniform(jax.random.key(1), (3, 4, 4, 1))}
    state = jax.jit(model.init)(jax.random.key(0), batch)
    template = jax.eval_shape(again.init, jax.random.key(0), batch)
    own = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state.net.net.params)
    assert own == jax.tree.map(lambda x: (x.shape, x.dtype), template.net.net.params)
    samples = [jax.jit(one.sample, static_argnums=2) for one in (model, again)]
    made = [sample(state, jax.random.key(2), 3) for sample in samples]
    np.testing.assert_allclose(*made, atol=1e-6)
    terms = [
        jax.jit(one.evaluate_members)(state, jax.random.key(2), batch)["loss"]
        for one in (model, again)
    ]
    np.testing.assert_allclose(*terms, rtol=1e-5)


def test_a_wrapper_does_not_pass_for_what_it_wraps():
    features = networks.resnet_features(1)
    assert describe(features) is not None
    assert describe(functools.wraps(features)(lambda *args: None)) is None


def test_a_list_that_changes_later_is_described_as_it_was():
    hidden = [8]
    network = networks.mlp_encoder(2, hidden)
    hidden.append(4)
    assert describe(network)["arguments"]["features"] == [8]


def test_networks_are_freed_with_their_calls():
    network = networks.mlp_encoder(2)
    inner = weakref.ref(network.init)
    del network
    gc.collect()
    assert inner() is None


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "jaxgen.networks.__builtins__",
        "jaxgen.networks.mlp.pure",
        "jaxgen.networks.import_translator",
        "jaxgen.calls._written",
        "jaxgen.data.load",
        "jaxgen.losses.vae.priors.__init__",
        "jaxgen.networks",
        "optax.adam",
        "",
        None,
        ["os.system"],
    ],
)
def test_any_other_name_is_refused(name):
    called = {"call": name, "arguments": {}}
    valued = {"call": "jaxgen.networks.mlp_encoder"}
    for inner in (called, {"name": name}, {"partial": {"name": name}, "arguments": {}}):
        with pytest.raises(InputError, match="nothing of that name is imported"):
            build(valued | {"arguments": {"latents": 2, "activation": inner}})
    with pytest.raises(InputError, match="names .*nothing of that name is imported"):
        build(called)


def test_a_refused_module_is_not_imported():
    assert "this" not in sys.modules
    with pytest.raises(InputError, match="'this.s'"):
        build({"call": "this.s", "arguments": {}})
    assert "this" not in sys.modules


def nested(levels):
    return functools.reduce(lambda inner, _: [inner], range(levels), 1)


ENCODER = {"call": "jaxgen.networks.mlp_encoder"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latents": 2, "features": nested(500)}, "nested more than"),
        ({"latents": 2, "features": [1] * 20_000}, "describes no model"),
        ({"latents": 0}, "calls jaxgen.networks.mlp_encoder .*latents=0"),
        ({"width": 2}, "calls jaxgen.networks.mlp_encoder .*width"),
        ({"latents": {"array": [1, "a"], "dtype": "int32"}}, "is damaged"),
        ({"latents": {"array": [1], "dtype": "object"}}, "is damaged"),
        ({"latents": {"other": 1}}, "an object of"),
        ([2], "has no arguments"),
        (None, "has no arguments"),
    ],
    ids=range(9),
)
def test_a_damaged_description_is_refused_with_a_sentence(arguments, message):
    with pytest.raises(InputError, match=message):
        build(ENCODER | {"arguments": arguments}, source="a/model.json")


@pytest.mark.parametrize("content", [{}, {"name": "jax.nn.relu"}, [], 3, None])
def test_what_is_no_call_is_refused(content):
    with pytest.raises(InputError, match="m.json is damaged"):
        build(content, source="m.json")


def test_arguments_of_the_outermost_call_can_be_changed():
    tree = describe(networks.mlp_encoder(2))
    changed = build(tree, arguments={"latents": 5})
    assert describe(changed)["arguments"]["latents"] == 5
    assert tree == describe(networks.mlp_encoder(2))
