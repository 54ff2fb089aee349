import sys

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import degradations
from jaxgen.errors import InputError


def test_the_direction_swaps_the_sides(emoji):
    back = data.load_pairs("emoji", split="test", direction="b_to_a")
    forth = emoji["test"]
    np.testing.assert_array_equal(back.a[3]["image"], forth.b[3]["image"])
    np.testing.assert_array_equal(back.b[3]["image"], forth.a[3]["image"])
    assert back.names == forth.names
    assert (forth.direction, back.direction) == ("a_to_b", "b_to_a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "emojis"}, "'emojis' is unknown: expected 'emoji'"),
        ({"name": "emoji", "split": "val"}, "'emoji' has no split 'val'"),
        ({"name": "emoji", "split": "all"}, "split='all' is unknown: choose one of"),
        ({"name": "emoji", "direction": "ab"}, "direction='ab'.*'a_to_b', 'b_to_a'"),
        ({"name": "emoji", "layout": "glued"}, "layout='glued'.*'side_by_side'"),
        ({"name": "emoji", "image_size": 0}, "image_size=0"),
        ({"name": "photos", "image_size": 151}, "151 is too large.*at most 150"),
        ({"name": "no/where"}, "no/where does not exist: expected a folder of pairs"),
        (
            {"name": "emoji", "channels": 1},
            "channels=1 is for.*'emoji' is none",
        ),
        ({"name": "photos", "layout": "unpaired"}, "layout='unpaired' is for folders"),
        ({"name": "cycle_gan/maps", "channels": 3}, "channels=3 is for folders"),
    ],
)
def test_what_is_not_there_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        data.load_pairs(**options)


def test_options_of_folders_are_refused_of_single_images(tmp_path):
    with pytest.raises(InputError, match="channels=1 .* is a set of single images"):
        data.load_pairs(tmp_path, channels=1, degrade=degradations.blur())


def test_the_validation_split_of_single_images_is_refused():
    with pytest.raises(InputError, match="single images has no split 'val'"):
        data.load_pairs("digits", split="val", degrade=degradations.blur())


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("photos", "skimage", "experiments"),
        ("photos", "sklearn", "experiments"),
        ("cycle_gan/maps", "tensorflow_datasets", "tfds"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name, module, extra):
    # None in sys.modules makes the import fail as if the package were not there.
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf'pip install "jaxgen\[{extra}\]"'):
        data.load_pairs(name, split="test")
