"""The scripts of translation with networks of a dozen numbers, which compile fast."""

import contextlib
from collections.abc import Iterator

import pytest

from experiments.translation_studies import parts
from jaxgen import report
from jaxgen.metrics import translation_distances
from tests.models.translation import tiny_translation as tiny


@contextlib.contextmanager
def tiny_networks() -> Iterator[None]:
    """Within it the scripts build tiny networks, measure no distances, draw no page.

    Their own networks, and those of the distances, take most of a test's time to
    compile; `jax.eval_shape` tries the former.
    """

    def translator_of(options, channels):
        return tiny.pixelwise(channels)

    def features_of(options, channels):
        # What CUT compares: the very pixels.
        return lambda params, stats, images, **mode: ((images,), stats)

    def critic_of(options, cures):
        return tiny.critic(
            heads=max([1, *(len(cure.transforms or ()) for cure in cures)])
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "translator_of", translator_of)
        patch.setattr(parts, "features_of", features_of)
        patch.setattr(parts, "critic_of", critic_of)
        patch.setattr(translation_distances, "random_networks", lambda images: ((), 1))
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        yield
