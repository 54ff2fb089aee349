import jax
import pytest

from jaxgen import networks
from jaxgen.errors import InputError
from jaxgen.models import cut_checks, remedies
from tests.models.test_cut import (
    BATCH,
    CRITIC,
    HEADS,
    batch_of,
    tiny_cut,
    tiny_translator,
)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"generator": tiny_translator()._replace(features=None)}, "no feature maps"),
        ({"patches": 0}, "patches was given 0"),
        ({"temperature": 0.0}, "temperature=0"),
        ({"nce_weight": -1.0}, "nce_weight=-1"),
        ({"remedies": [remedies.pac(2)]}, "pac"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        tiny_cut(**options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"generator": CRITIC}, "generator is a Network"),
        ({"heads": networks.patch_heads}, "heads is a function"),
        ({"negatives": "set"}, "'image', 'batch'"),
    ],
)
def test_parts_of_another_kind_are_refused(options, sentence):
    # By the checks themselves: in tests, types are checked before them.
    parts = {
        "generator": tiny_translator(),
        "heads": HEADS,
        "patches": 5,
        "temperature": 1.0,
        "negatives": "image",
    }
    with pytest.raises(InputError, match=sentence):
        cut_checks.check_parts(**parts | options)


@pytest.mark.parametrize(
    ("options", "batch", "sentence"),
    [
        ({}, {"image": BATCH["a"]}, "'a'"),
        ({}, {"a": BATCH["a"], "b": BATCH["b"][..., :1]}, "channels"),
        ({"layers": (2,)}, BATCH, "no layer 2 among the generator's 2"),
        ({"layers": ()}, BATCH, "layers is empty"),
        ({"layers": (0,)}, batch_of(shape=(2, 1, 1, 2)), "single place"),
    ],
)
def test_batches_that_do_not_suit_the_networks_are_refused(options, batch, sentence):
    model = tiny_cut(**options)
    with pytest.raises(InputError, match=sentence):
        model.init(jax.random.key(0), batch)
