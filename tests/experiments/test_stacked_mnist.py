import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import stacked_mnist, stacked_modes
from jaxgen.errors import InputError
from jaxgen.metrics.features.base import Activations, FeatureNet

TINY = stacked_mnist.Config(
    data="digits",
    remedies=("pac2",),
    stacked=40,
    width=2,
    latents=2,
    steps=2,
    batch_size=4,
    samples=64,
    looks=2,
    devices=1,
)


def of_brightness(images):
    """Reads a digit from the mean of an image: digit d is grey d / 10."""
    grey = images.mean(axis=(1, 2, 3))[:, None]
    logits = -1e4 * (grey - np.arange(10)[None] / 10) ** 2
    return Activations(images.reshape(len(images), -1), jax.nn.log_softmax(logits))


JUDGE = stacked_modes.Judge(
    FeatureNet("brightness", 64, of_brightness, "test"), 1.0, np.full(1000, 0.001)
)


def images_of(digits):
    grey = np.asarray(digits)[:, None, None] / 10
    shape = (len(digits), 8, 8, 3)
    return np.broadcast_to(255 * grey, shape).round().astype(np.uint8)


def test_the_digits_of_red_green_and_blue_are_read_in_that_order():
    found = stacked_modes.read(JUDGE, images_of([[0, 4, 2], [9, 9, 9], [1, 0, 0]]))
    np.testing.assert_array_equal(found.modes, [42, 999, 100])
    assert found.sure.all()


def test_a_sample_between_two_digits_counts_but_is_not_sure():
    found = stacked_modes.read(JUDGE, images_of([[1, 2, 3], [1, 2, 3.5]]))
    np.testing.assert_array_equal(found.sure, [True, False])
    counted = stacked_modes.modes_of(JUDGE, found)
    assert counted.counts.sum() == 2
    assert counted.high_quality == 0.5


def test_a_seed_alone_has_the_interval_of_half_samples_and_several_that_of_seeds():
    rng, key = np.random.default_rng(0), jax.random.key(0)
    sure = np.ones(4000, bool)
    # 500 of 1,000 modes, evenly: the reverse KL is log 2, and a little for chance.
    one, other = (
        stacked_modes.Read(rng.integers(0, 500, 4000).astype(np.int32), sure)
        for _ in range(2)
    )
    alone = stacked_modes.measured(key, JUDGE, [one])
    assert alone.captured.value == alone.captured_surely.value == 500
    value, low, high = alone.reverse_kl
    assert low < value < high
    assert value == pytest.approx(np.log(2) + 499 / 8000, abs=0.02)
    both = stacked_modes.measured(jax.random.clone(key), JUDGE, [one, other])
    values = [stacked_modes.modes_of(JUDGE, own).reverse_kl for own in (one, other)]
    assert both.reverse_kl.value == pytest.approx(np.mean(values))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[stacked_mnist.Config, dict]:
    config = dataclasses.replace(TINY, output=str(tmp_path_factory.mktemp("runs")))
    return config, stacked_mnist.main(config)


def test_a_run_leaves_a_table_figures_and_a_page(run):
    folder = Path(run[1]["page"]).parent
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"stacked_curves", "stacked_counts", "gan_samples"} <= figures
    looks = np.load(folder / "parts" / "pac2-0" / "looks.npz")
    assert looks["step"].tolist() == [1, 2]
    (table,) = json.loads((folder / "summary.json").read_text())["tables"]
    assert [row[0] for row in table["rows"]] == ["real images", "DCGAN, pac(2)"]
    assert set(run[1]) == {"modes, DCGAN, pac(2)", "reverse KL, DCGAN, pac(2)", "page"}


def test_looks_of_a_run_cut_off_give_way_to_those_of_the_run_resumed(tmp_path):
    model = SimpleNamespace(
        latents=1,
        num_classes=None,
        draw_latents=jax.random.normal,
        generate=lambda digit, latents: jnp.full((len(latents), 8, 8, 3), digit / 10),
    )
    path, key = tmp_path / "looks.npz", jax.random.key(0)
    for step, digit in ((1, 1), (3, 2), (2, 4)):
        watch = stacked_modes.StackedWatch(path, model, JUDGE, key, num_samples=5)
        watch(jnp.float32(digit), step)
    looks = watch.looks()
    np.testing.assert_array_equal(looks.step, [1, 2])
    np.testing.assert_array_equal(looks.read.modes[:, 0], [111, 444])
    assert looks.last.modes.shape == (5,)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"remedies": ()}, "empty"),
        ({"remedies": ("none", "none")}, "each once"),
        ({"remedies": ("pack2",)}, "pac2"),
        ({"samples": 10}, "--samples=10"),
        ({"width": 0}, "--width=0"),
    ],
)
def test_what_cannot_be_trained_is_named(option, said, tmp_path):
    config = dataclasses.replace(TINY, output=str(tmp_path), **option)
    with pytest.raises(InputError, match=said):
        stacked_mnist.main(config)
