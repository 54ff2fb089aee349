"""What StyleGAN2 refuses, in sentences."""

import functools

import pytest

from jaxgen.errors import InputError
from jaxgen.networks import (
    StyleGAN2Config,
    StyleGANConfig,
    stylegan2_critic,
    stylegan2_generator,
    stylegan2_mapping,
    stylegan2_synthesis,
    stylegan_num_styles,
)
from tests.networks.stylegan2_cases import SMALL, trees


@pytest.mark.parametrize("size", [8, 24, 48, 2048, 0])
def test_sizes_that_are_no_power_of_two_are_refused(size):
    for make in (stylegan2_generator, stylegan2_synthesis, stylegan_num_styles):
        with pytest.raises(InputError, match=f"image_size={size}"):
            make(size)
    if size:
        with pytest.raises(InputError, match=f"image_size={size}: StyleGAN takes"):
            trees(stylegan2_critic(SMALL), (1, size, size, 3))


def test_images_that_are_no_squares_are_refused():
    for shape in ((1, 16, 20, 3), (1, 32, 16, 3)):
        with pytest.raises(InputError, match=r"\(.*\): StyleGAN takes squares"):
            trees(stylegan2_critic(SMALL), shape)


@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 8, 5), (2, 5)])
def test_styles_of_another_number_are_refused(shape):
    with pytest.raises(InputError, match=r"take \(batch, 6, features\).*num_styles=6"):
        trees(stylegan2_synthesis(16, SMALL), shape)


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
    for network, shape in [
        (stylegan2_generator(16, SMALL, num_classes=num_classes), (1, 6)),
        (stylegan2_mapping(SMALL, num_classes), (1, 6)),
        (stylegan2_critic(SMALL, num_classes), (1, 16, 16, 3)),
    ]:
        with pytest.raises(InputError, match=words):
            trees(network, shape, *labels)


def test_configurations_that_are_none_are_refused():
    for make in (
        functools.partial(stylegan2_generator, 16),
        functools.partial(stylegan2_synthesis, 16),
        stylegan2_mapping,
        stylegan2_critic,
    ):
        with pytest.raises(InputError, match="config='paper1024' is unknown"):
            make("paper1024")


def test_a_critic_of_labels_has_one_logit():
    with pytest.raises(InputError, match="heads=2 with num_classes=10"):
        stylegan2_critic(num_classes=10, heads=2)


@pytest.mark.parametrize("config", [StyleGAN2Config, StyleGANConfig])
def test_layers_without_channels_are_refused(config):
    sizes = config(channel_base=16, channel_max=4)
    at = (32,) if config is StyleGANConfig else (32, 32)
    with pytest.raises(InputError, match="channel_base=16: layers of 32 pixels"):
        sizes.channels(*at)
    with pytest.raises(InputError, match="channel_max=0"):
        config(channel_max=0).channels(*at)
