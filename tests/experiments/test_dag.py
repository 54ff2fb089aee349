import dataclasses
from pathlib import Path

import numpy as np
import pytest

from experiments import dag, dag_parts
from jaxgen.data import from_arrays, load
from jaxgen.errors import InputError

SMALL = dag.Config(
    data="digits",
    methods=("dag",),
    shares=(0.5,),
    hidden=(4,),
    latents=2,
    steps=1,
    seeds=1,
    batch_size=16,
    samples=12,
    classifier_epochs=4,
    devices=1,
)


def test_a_run_leaves_a_page_with_both_figures(tmp_path):
    results = dag.main(dataclasses.replace(SMALL, output=str(tmp_path)))
    folder = Path(results["page"]).parent
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"dag_samples", "dag_leak"} <= figures
    assert 0 <= results[dag_parts.LABELS["dag"]] <= 100
    assert (folder / "parts" / "dag-50" / "checkpoints").is_dir()


def test_shares_are_parts_of_larger_ones_and_classes_are_numbered_anew(key):
    source = dag_parts.only_classes(load("digits"), (7, 3))
    assert source.class_names == ("3", "7")
    held = source.in_memory()
    assert set(held["label"]) == {0, 1}
    small, large = (dag_parts.share_of(key, source, share) for share in (0.1, 0.5))
    assert (len(small), len(large)) == (round(len(source) / 10), round(len(source) / 2))
    known = {image.tobytes() for image in large.in_memory()["image"]}
    assert all(image.tobytes() in known for image in small.in_memory()["image"])


def test_epochs_are_passes_over_the_images_that_a_model_is_given():
    config = dataclasses.replace(SMALL, steps=None, epochs=3)
    setup = dag._setup(config)
    own = dag_parts.setup_of(config, setup, "dag", 0.5)
    assert own.steps == 3 * (round(len(setup.train) / 2) // SMALL.batch_size)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"shares": (0.1, 2.0)}, "--shares=2"),
        ({"samples": 11}, "--samples=11"),
        ({"binarize": "dynamic"}, "--binarize is dynamic"),
        ({"methods": ()}, "--methods is empty"),
        ({"classes": (3, 12)}, r"no examples of \[12\]"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, sentence, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=sentence):
        dag.main(config)
    assert not list(tmp_path.iterdir())


def test_images_without_labels_are_refused():
    images = from_arrays(np.zeros((2, 4, 4, 1), np.uint8))
    with pytest.raises(InputError, match="have no labels"):
        dag_parts.only_classes(images, (1,))
