"""What StyleGAN and StyleGAN2 refuse, in sentences."""

import dataclasses
import functools

import jax.numpy as jnp
import pytest

from jaxgen import networks
from jaxgen.errors import InputError
from tests.networks.stylegan2_cases import SMALL, trees

SMALL1 = networks.StyleGANConfig(
    channel_base=64, channel_max=8, latents=6, style_features=5, mapping_layers=2
)
GENERATIONS = [
    pytest.param("stylegan", SMALL1, id="stylegan"),
    pytest.param("stylegan2", SMALL, id="stylegan2"),
]
both = pytest.mark.parametrize(("prefix", "config"), GENERATIONS)


def factories(prefix):
    """Those that take a configuration first, of images of 16 pixels."""
    of = functools.partial(getattr, networks)
    return [
        functools.partial(of(f"{prefix}_generator"), 16),
        functools.partial(of(f"{prefix}_synthesis"), 16),
        of(f"{prefix}_mapping"),
        of(f"{prefix}_critic"),
    ]


@both
@pytest.mark.parametrize("size", [8, 24, 48, 2048, 0])
def test_sizes_that_are_no_power_of_two_are_refused(prefix, config, size):
    generator, synthesis, _, critic = factories(prefix)
    for make in (generator.func, synthesis.func, networks.stylegan_num_styles):
        with pytest.raises(InputError, match=f"image_size={size}"):
            make(size)
    if size:
        with pytest.raises(InputError, match=f"image_size={size}: StyleGAN takes"):
            trees(critic(config), (1, size, size, 3))


@both
@pytest.mark.parametrize("shape", [(1, 16, 20, 3), (1, 32, 16, 3), (4, 16)])
def test_images_that_are_no_squares_are_refused(prefix, config, shape):
    with pytest.raises(InputError, match=r"\(.*\): StyleGAN takes squares"):
        trees(factories(prefix)[3](config), shape)


@both
@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 8, 5), (2, 5)])
def test_styles_of_another_number_are_refused(prefix, config, shape):
    with pytest.raises(InputError, match=r"take \(batch, 6, features\).*num_styles=6"):
        trees(factories(prefix)[1](config), shape)


@both
def test_latents_of_another_dimension_are_refused(prefix, config):
    generator, _, mapping, _ = factories(prefix)
    for make in (generator, mapping):
        with pytest.raises(InputError, match=r"\(2, 512\): its config has latents=6"):
            trees(make(config), (2, 512))


@pytest.mark.parametrize(
    ("num_classes", "labels", "words"),
    [
        (3, [], "num_classes=3 and was given no labels"),
        (3, [(1, 4)], "num_classes=3 and was given labels of 4 classes"),
        (None, [(1, 3)], "num_classes=None and was given labels of 3 classes"),
        (3, [(3,)], r"num_classes=3 and was given labels of shape \(3,\)"),
    ],
)
def test_labels_of_another_number_are_refused(num_classes, labels, words):
    generator, _, mapping, critic = factories("stylegan2")
    for make, shape in [
        (generator, (1, 6)),
        (mapping, (1, 6)),
        (critic, (1, 16, 16, 3)),
    ]:
        with pytest.raises(InputError, match=words):
            trees(make(SMALL, num_classes=num_classes), shape, *labels)


def test_configurations_that_are_none_are_refused():
    for make in factories("stylegan2"):
        with pytest.raises(InputError, match="config='ffhq' is unknown"):
            make("ffhq")
    for make in factories("stylegan"):
        for config, kind in (("auto", "str"), (SMALL, "StyleGAN2Config")):
            with pytest.raises(InputError, match=f"config is a {kind}: give a net"):
                make(config)


@both
def test_images_without_channels_are_refused(prefix, config):
    for make in factories(prefix)[:2]:
        with pytest.raises(InputError, match="channels=0"):
            make(config, 0)


def test_labels_without_classes_are_refused():
    generator, _, mapping, critic = factories("stylegan2")
    for make in (generator, mapping, critic):
        with pytest.raises(InputError, match="num_classes=0"):
            make(SMALL, num_classes=0)


def test_a_critic_of_labels_has_one_logit():
    with pytest.raises(InputError, match="heads=2 with num_classes=10"):
        networks.stylegan2_critic(num_classes=10, heads=2)


@both
@pytest.mark.parametrize(
    "changed",
    [
        *({name: 0} for name in ("channel_base", "channel_max", "latents")),
        *({name: 0} for name in ("style_features", "mapping_layers")),
        {"mapping_layers": -1},
        {"mapping_multiplier": 0},
        {"average_decay": 2},
        {"average_decay": -1},
        {"minibatch_group": 0},
    ],
    ids=str,
)
def test_numbers_out_of_their_range_are_refused(prefix, config, changed):
    ((name, value),) = changed.items()
    with pytest.raises(InputError, match=f"{name}={value}: give"):
        dataclasses.replace(config, **changed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"critic_mapping_layers": -1}, "critic_mapping_layers=-1"),
        ({"clamp": -1}, "clamp=-1: give a number above 0"),
        ({"compute_dtype": jnp.int32}, "compute_dtype=int32: give a floating type"),
    ],
)
def test_what_stylegan2_alone_has_is_checked(changed, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(SMALL, **changed)


@pytest.mark.parametrize(
    ("config", "at"),
    [(networks.StyleGAN2Config, (32, 32)), (networks.StyleGANConfig, (32,))],
)
def test_layers_without_channels_are_refused(config, at):
    with pytest.raises(InputError, match="channel_base=16: layers of 32 pixels"):
        config(channel_base=16).channels(*at)
