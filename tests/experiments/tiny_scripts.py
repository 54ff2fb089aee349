"""The scripts of translation with networks of a dozen numbers, which compile fast."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from experiments import cut, cyclegan
from experiments.translation_studies import parts
from jaxgen import networks, report
from jaxgen.metrics import translation_distances
from jaxgen.models import remedies
from tests.models.translation import tiny_translation as tiny


@contextlib.contextmanager
def tiny_networks() -> Iterator[None]:
    """Within it the scripts build tiny networks, measure no distances, draw no page.

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
