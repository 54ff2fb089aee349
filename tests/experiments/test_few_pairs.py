import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import few_pairs
from experiments.few_pairs_studies import findings, judge, parts
from experiments.few_pairs_studies.judge import Judged
from experiments.few_pairs_studies.members import SideBySide, member_of, members
from jaxgen import data, models, random
from jaxgen.errors import InputError
from jaxgen.report import gallery
from jaxgen.report.run import read_run
from tests.experiments.tiny_scripts import tiny_networks
from tests.models.translation import tiny_translation as tiny

SMALL = few_pairs.Config(
    methods=("l1", "augmented"),
    shares=(0.1,),
    seeds=1,
    steps=1,
    batch_size=4,
    image_size=8,
    width=1,
    critic_width=1,
    critic_layers=1,
    judged=6,
    devices=1,
)


def test_a_run_leaves_every_file_that_its_page_is_drawn_from(tmp_path):
    with tiny_networks():
        results = few_pairs.main(dataclasses.replace(SMALL, output=str(tmp_path)))
    folder = Path(results["page"]).parent
    figures = {shown.name for shown in gallery.figures(read_run(folder))}
    assert {
        "translation_shares",
        "few_pairs_pictures",
        "few_pairs_remembered",
    } <= figures
    assert 0 < results["L1, augmented data"] < 100
    assert (folder / "parts" / "augmented" / "checkpoints").is_dir()
    with np.load(folder / "arrays" / "translation_shares.npz") as saved:
        assert saved["pairs"].tolist() == [63]
        assert saved["values"].shape == (1, 2, 1)


@pytest.mark.parametrize(
    ("system", "word", "heads"),
    [("pix2pix", "dag+diff_augment", 4), ("cyclegan", "r1=1", 1)],
)
def test_each_system_has_critics_that_take_the_remedies(system, word, heads, key):
    config = dataclasses.replace(SMALL, system=system)
    method = parts.method_of(word)
    model, loss = parts.model_of(config, method, (3, 3), 10)
    batch = dict.fromkeys("ab", jnp.zeros((3, 8, 8, 3)))
    state = jax.eval_shape(lambda key: model.init(key, batch), key)
    critic = state.critic if system == "pix2pix" else state.critics["b"]
    assert critic.params["head"]["conv"]["bias"].shape == (heads,)
    one = judge.direction_of(config, model, None, loss)
    logits = jax.eval_shape(one.critique, state, batch["a"], batch["b"])
    assert logits.shape == (3, 2, 2)


def test_shares_are_parts_of_larger_ones_and_augmented_data_are_cropped():
    plain, augmented = (
        parts.setup_of(SMALL, parts.method_of(word), (0.01, 0.02))
        for word in ("plain", "augmented")
    )
    small, large = plain.train
    assert (len(small), len(large)) == (6, 13)
    assert set(small.names) < set(large.names)
    assert small.a.image_shape == (8, 8, 3)
    assert augmented.train[0].a.image_shape == (9, 9, 3)
    assert augmented.train[0].names == small.names
    assert plain.steps == augmented.steps == 1


@pytest.fixture(scope="module")
def sets():
    """Batches of four pairs and of eight, random images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 8, 4, 4, 2)).astype(np.uint8)

    def batches(rows):
        pairs = data.from_pairs(*images[:, :rows], aligned=True)
        key = random.stream(jax.random.key(3), "data")
        return data.pair_pipeline(pairs, batch_size=4, key=key, train=True)

    return [batches(4), batches(8)]


def seeds():
    def model(_):
        sgd = optax.sgd(0.1)
        # Without a critic, whose steps would take the time to compile.
        nets = tiny.pixelwise(2), tiny.critic()
        return models.pix2pix(*nets, sgd, sgd, adversarial_weight=0.0)

    return models.ensemble(model, num_seeds=2)


def trained(init, update, batches, key, steps=2):
    """Returns the state after some steps of jitted functions."""
    items = batches.feed(0, steps)
    batch_of = jax.jit(batches.batch)
    state = None
    for number in range(steps):
        item = jax.tree.map(lambda leaf, n=number: leaf[n], items)
        batch = batch_of(batches.resident, item, jnp.int32(number))
        state = init(key, batch) if state is None else state
        state, _ = update(state, batch)
    return state


def test_models_trained_at_once_are_those_trained_alone(key, sets):
    ensemble = seeds()
    both = members(ensemble)
    together = trained(jax.jit(both.init), jax.jit(both.update), SideBySide(sets), key)
    init, update = jax.jit(ensemble.init), jax.jit(ensemble.update)
    for place, batches in enumerate(sets):
        alone = trained(init, update, batches, key)
        for seed in range(2):
            jax.tree.map(
                lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6),
                member_of(together, place, seed).generator.params,
                ensemble.member(alone, seed).generator.params,
            )
    one, other = (member_of(together, place, 0).generator.params for place in (0, 1))
    assert not np.allclose(one["w"], other["w"])


def test_sets_side_by_side_are_as_long_as_the_largest(sets):
    both = SideBySide(sets)
    assert (both.num_examples, both.steps_per_epoch, both.batch_size) == (8, 2, 4)


@pytest.mark.parametrize(
    ("word", "label", "remedies", "adversarial", "augmented"),
    [
        ("plain", "no remedy", "none", True, False),
        ("l1", "L1 alone", "none", False, False),
        ("l1+augmented", "L1 alone + augmented data", "none", False, True),
        ("augmented+dag", "augmented data + DAG", "dag", True, True),
        ("r1=5+diff_augment", "R1 (5) + DiffAugment", "r1=5+diff_augment", True, False),
    ],
)
def test_methods_are_words(word, label, remedies, adversarial, augmented):
    method = parts.method_of(word)
    assert method[1:] == (label, adversarial, augmented, remedies)
    assert not set("+=") & set(method.part)


def test_margins_are_of_the_same_images_and_seeds():
    def of(*distances):
        images = np.zeros((1, 2, 2, 3), np.uint8)
        return Judged({}, np.array(distances), None, None, images)

    plain, own = [of(0.5, 0.9), of(0.3, 0.7)], [of(0.4, 0.8), of(0.2, 0.6)]
    method = parts.method_of("dag")
    assert findings.margin(plain, own, method) == "0.1000 ± 0.0000"
    assert findings.margin(own, plain, method).startswith("\N{MINUS SIGN}0.1000")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"shares": (0.1, 2.0)}, "--shares holds 0.1 2"),
        ({"shares": (0.1, 0.1)}, "each share of the training pairs once"),
        ({"methods": ()}, "--methods holds nothing"),
        ({"methods": ("dag", "dag")}, "--methods holds dag dag"),
        ({"methods": ("plain+dag",)}, "plain and more"),
        ({"methods": ("l1+dag",)}, "no critic that dag could help"),
        ({"methods": ("rotated",)}, "There is no remedy 'rotated'"),
        ({"methods": ("l1",), "system": "cyclegan"}, "a cyclegan learns from its"),
        ({"shares": (0.001,)}, "batch size 4 exceeds the 1 examples"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, sentence, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=sentence):
        few_pairs.main(config)
    assert not list(tmp_path.iterdir())
