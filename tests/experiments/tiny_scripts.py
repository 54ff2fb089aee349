"""Scripts with networks of a dozen numbers, which compile fast."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from experiments import cut, cyclegan, stylegan
from experiments.translation_studies import parts
from jaxgen import networks, report
from jaxgen.data import differentiable
from jaxgen.metrics import translation_distances
from jaxgen.models import remedies
from tests.models.translation import tiny_translation as tiny


@contextlib.contextmanager
def tiny_networks() -> Iterator[None]:
    """Within it translation scripts have tiny networks, no distances and no page.

    Their own networks, and those of the distances, take most of a test's time to
    compile; `jax.eval_shape` tries the former.
    """

    def translator(channels, **options):
        return tiny.pixelwise(channels)

    def features(channels, **options):
        # What CUT compares: the very pixels.
        return lambda params, stats, images, **mode: ((images,), stats)

    def critic(heads=1, **options):
        return tiny.critic(heads=heads)

    def translator_of(options, channels):
        return translator(channels)

    def critic_of(options, cures):
        return tiny.critic(heads=remedies.num_heads(cures))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "translator_of", translator_of)
        patch.setattr(parts, "critic_of", critic_of)
        own = {
            "resnet_translator": translator,
            "resnet_features": features,
            "patch_critic": critic,
        }
        for script in (cyclegan, cut):
            patch.setattr(script, "networks", SimpleNamespace(**vars(networks) | own))
        patch.setattr(translation_distances, "random_networks", lambda images: ((), 1))
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        yield


@contextlib.contextmanager
def tiny_stylegan() -> Iterator[None]:
    """Within it `experiments.stylegan` builds tiny networks, and ADA moves images only.

    Its own networks, differentiated twice and through all of ADA, take two minutes to
    compile; the mapping, with its average style, is its own.
    """

    def synthesis(image_size, *_, **__):
        return networks.mlp_decoder((image_size, image_size, 3), (8,))

    def critic(*_, heads=1, **__):
        return networks.mlp_critic((8,), heads=heads)

    own = {
        "stylegan2_synthesis": synthesis,
        "stylegan2_critic": critic,
        "dcgan_generator": lambda shape, **_: networks.mlp_generator(shape, (8,)),
        "dcgan_critic": critic,
    }
    moved = {"ada": lambda: differentiable.ada(("blit",))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stylegan, "networks", SimpleNamespace(**vars(networks) | own))
        functions = SimpleNamespace(**vars(differentiable) | moved)
        patch.setattr(stylegan, "differentiable", functions)
        yield
