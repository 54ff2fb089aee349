"""The one call: what it compares with what, and what it refuses."""

import json

import jax
import numpy as np
import pytest

from jaxgen import metrics
from jaxgen.errors import InputError
from jaxgen.metrics import measures as families
from jaxgen.metrics import statistics
from jaxgen.metrics.comparison import Settings
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.metrics.features import INCEPTION, Activations, FeatureNet
from jaxgen.metrics.generated import Drawn
from tests import tiny


def pixels(images):
    flat = images.reshape(len(images), -1)
    return Activations(flat[:, :4], jax.nn.log_softmax(3 * flat[:, :3]))


NET = FeatureNet("pixels", 4, pixels, "0" * 64, {"layer": "none"})
FEW = {"resamples": 4, "batch_size": 16, "feature_nets": NET}


def images(count, seed, *, side=3, low=0.0, high=1.0):
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(low, high, (count, side, side, 1))
    return (255 * drawn).astype(np.uint8)


@pytest.fixture(scope="module")
def sets():
    return {"data": images(48, 0), "train": images(60, 1), "close": images(50, 2)}


@pytest.fixture(scope="module")
def found(sets):
    return metrics.evaluate(
        {
            "close": sets["close"],
            "copies": sets["train"][:50],
            "dark": lambda key, n: 0.5 * jax.random.uniform(key, (n, 3, 3, 1)),
        },
        sets["data"],
        key=jax.random.key(0),
        train=sets["train"],
        reconstructions=sets["data"],
        **FEW,
    )


def measures(found, images):
    return {one.metric: one for one in found.measures if one.images == images}


def test_every_metric_is_there_for_every_set_with_interval_and_floor(found):
    names = {one.images for one in found.measures}
    assert names == {"reconstructions", "close", "copies", "dark"}
    for name in names:
        own = measures(found, name)
        for metric in ("FD", "FD∞", "KID", "precision", "recall", "density", "coverage",
                       "PRD F8", "PRD F1/8", "sliced W2", "IS"):  # fmt: skip
            one = own[f"{metric}(pixels)"]
            assert one.low <= one.value <= one.high
            assert one.floor is not None
    assert found.protocol["images of each set"] == 48
    assert found.protocol["networks"][0]["identity"] == "0" * 16


def test_a_set_that_is_near_is_near_the_floor_and_a_dark_one_is_not(found):
    near, dark = measures(found, "close"), measures(found, "dark")
    assert near["FD(pixels)"].value < 3 * near["FD(pixels)"].floor
    assert dark["FD(pixels)"].low > near["FD(pixels)"].high
    assert dark["recall(pixels)"].value < near["recall(pixels)"].value


def test_pairs_stay_together_so_perfect_reconstructions_have_distance_0(found):
    own = measures(found, "reconstructions")
    for name in ("FD(pixels)", "FD∞(pixels)"):
        np.testing.assert_allclose(own[name][2:5], 0, atol=1e-9)
    assert own["MSE"].value == 0
    assert own["SSIM"].value == pytest.approx(1)
    assert own["MSE"].floor is None


def test_copies_of_training_images_are_told_and_shown(found):
    assert measures(found, "copies")["copying(pixels)"].value > 0.95
    assert "training images" in measures(found, "copies")["copying(pixels)"].note
    assert measures(found, "close")["copying(pixels)"].value < 0.8
    shown = found.pictures["neighbours/copies"]
    assert shown.shape == (8, 6, 3, 3, 1)
    np.testing.assert_array_equal(shown[:, 0], shown[:, 1])


def test_numbers_go_to_json_and_into_a_table_with_the_protocol(found):
    again = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert len(again["measures"]) == len(found.measures)
    text = found.table()
    assert "48 training images" in text
    assert "reconstructions" in text.splitlines()[0]


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("net", ["", "(random convolutions, mean of 5)"])
def test_the_table_is_whole_at_any_width(width, net):
    sets = ["reconstructions of vae-16", "prior", "mixture of 10 Gaussians"]
    names = [f"{metric}{net}" for metric in ("FD", "precision", "PRD F1/8")]
    measures = [
        Measure(name, images, -1234.56789, -1234.56799, -1234.56779, floor=0.5)
        for name in names
        for images in sets
    ]
    found = Evaluation(measures, {"networks": "a word " * 50}, 0.95, {}, {})
    text = found.table(width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    whole = "-1234.567890 [-1234.567990, -1234.567790]"
    assert text.count(whole) == len(measures)
    # Every table has its floor beside it.
    tables = text.split("\n\n")[:-1]
    assert len(tables) == (1 if width == 200 else 3)
    assert all(table.count("0.500000") == len(names) for table in tables)
    for name in sets if width == 200 else ["mixture of 10 Gaussians", "prior"]:
        assert name in text


def test_the_size_of_batches_changes_nothing(sets):
    one, other = (
        metrics.evaluate(
            sets["close"], sets["data"], key=jax.random.key(0), train=sets["train"],
            feature_nets=NET, resamples=4, batch_size=size,
        )
        for size in (16, 7)
    )  # fmt: skip
    assert one.measures == other.measures


def convolution(images):
    """A network whose sums XLA may order otherwise in a batch of another size."""
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 1, 4))
    found = jax.lax.conv_general_dilated(
        images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return Activations(jax.nn.relu(found).mean((1, 2)))


def cubic_kernel_distance(x, y):
    """The unbiased MMD by its definition, in float64."""
    n, d = x.shape
    within, between = 1 - np.eye(n), np.ones((n, n))
    return sum(
        weight * (((a @ b.T / d + 1) ** 3) * mask).sum() / mask.sum()
        for a, b, weight, mask in (
            (x, x, 1, within), (y, y, 1, within), (x, y, -2, between)
        )
    )  # fmt: skip


@pytest.mark.parametrize("batch_size", [5, 100])
def test_fid_and_kid_are_those_of_own_statistics_at_any_batch_size(batch_size):
    net = FeatureNet("Inception", 4, convolution, "0" * 64, {})
    real, made, train = images(24, 0), images(24, 1, high=0.8), images(24, 2)
    options = {"key": jax.random.key(0), "resamples": 2, "settings": Settings(
        num_clusters=2, num_projections=2
    )}  # fmt: skip
    found = metrics.evaluate(
        made, real, train=train, feature_nets=net, batch_size=batch_size, **options
    )
    values = {one.metric.split("(")[0]: one.value for one in found.measures}

    own = [np.asarray(convolution(x / np.float32(255))[0]) for x in (real, made, train)]
    streamed = [statistics.start(4), statistics.start(4)]
    for first in range(0, 24, batch_size):
        for place in (0, 1):
            batch = own[place][first : first + batch_size]
            streamed[place] = statistics.add_batch(streamed[place], batch)
    distance = metrics.frechet_distance(*map(statistics.finish, streamed))
    assert values["FD"] == pytest.approx(distance, rel=1e-4)
    x, y = (part.astype(np.float64) for part in own[:2])
    assert values["KID"] == pytest.approx(cubic_kernel_distance(x, y), rel=1e-4)

    again = metrics.evaluate_features(own[0], own[1], train=own[2], **options)
    of_features = {one.metric: one.value for one in again.measures}
    for name in ("FD", "KID"):
        assert of_features[name] == pytest.approx(values[name], rel=1e-4)


def test_floats_are_compared_as_the_bytes_they_round_to(sets):
    rng = np.random.default_rng(3)
    close = sets["close"]
    noise = rng.uniform(-0.49, 0.49, close.shape)
    floats = np.clip((close + noise) / 255, 0, 1).astype(np.float32)
    one, other = (
        metrics.evaluate(given, sets["data"], key=jax.random.key(0), **FEW)
        for given in (close, floats)
    )
    assert one.measures == other.measures


def test_the_order_of_a_set_matters_no_more_than_chance(sets):
    many = images(400, 5)
    lightest = np.argsort(many.mean(axis=(1, 2, 3)))
    one, other = (
        metrics.evaluate(
            given, sets["data"], key=jax.random.key(0), num_samples=24, **FEW
        )
        for given in (many, many[lightest])
    )
    for name in ("FD(pixels)", "IS(pixels)"):
        own, sorted_ = (measures(found, "generated")[name] for found in (one, other))
        assert own.low < sorted_.high
        assert sorted_.low < own.high


def test_without_a_second_set_the_real_images_are_halved(sets):
    found = metrics.evaluate(sets["close"], sets["data"], key=jax.random.key(0), **FEW)
    assert found.protocol["images of each set"] == 24
    assert "other real images" in found.protocol["floor"]
    assert not [name for name in found.pictures if "neighbours" in name]


def test_a_tuple_of_networks_is_averaged(sets):
    other = NET._replace(apply=lambda x: Activations(2 * pixels(x).features))
    single = NET._replace(apply=lambda x: Activations(pixels(x).features))
    common = {"key": jax.random.key(0), "resamples": 4}
    data, close = sets["data"], sets["close"]
    one = metrics.evaluate(close, data, feature_nets=single, **common)
    both = metrics.evaluate(close, data, feature_nets=[(single, other)], **common)
    first = measures(one, "generated")["FD(pixels)"]
    mean = measures(both, "generated")["FD(pixels, mean of 2)"]
    np.testing.assert_allclose(mean.value, 2.5 * first.value, rtol=1e-4)
    np.testing.assert_allclose(mean.floor, 2.5 * first.floor, rtol=1e-4)


def test_only_inception_gives_a_fid(sets, found):
    assert not [one for one in found.measures if "FID" in one.metric]
    named = metrics.evaluate(
        sets["close"],
        sets["data"],
        key=jax.random.key(0),
        **FEW | {"feature_nets": NET._replace(name=INCEPTION)},
    )
    assert {"FID", "FID∞", "KID"} <= {one.metric for one in named.measures}


def test_a_model_gives_samples_and_reconstructions(key):
    model = tiny.vae()
    source = tiny.source(80)
    batch = {"image": jax.numpy.ones((8, 4, 4, 1))}
    state = model.init(jax.random.key(1), batch)
    found = metrics.evaluate(model, source, key=key, state=state, **FEW)
    assert {one.images for one in found.measures} == {"samples", "reconstructions"}


def test_features_of_any_origin_are_compared():
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(60, 3)), rng.normal(3, 1, size=(40, 3))
    found = metrics.evaluate_features(
        real, generated, key=jax.random.key(0), resamples=4
    )
    assert found.protocol["examples of each set"] == 30
    [distance] = [one for one in found.measures if one.metric == "FD"]
    assert distance.low > distance.floor


def test_samples_are_the_same_in_any_order_of_reading(key):
    def sample(key, n):
        return jax.random.uniform(key, (n, 2, 2, 1))

    drawn = Drawn(key, sample, 10, chunk_size=4)
    straight = drawn.read(np.arange(10))["image"]
    backwards = [drawn.read(np.array([i]))["image"][0] for i in range(9, -1, -1)]
    np.testing.assert_array_equal(straight, np.stack(backwards[::-1]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": {}}, "at least one"),
        ({"model": {"real": images(50, 2)}}, "none of them named 'real'"),
        ({"num_samples": 49}, "there are 48 reference images"),
        ({"num_samples": -3}, "num_samples=-3"),
        ({"feature_nets": []}, "no network"),
        ({"feature_nets": [NET, NET]}, "Two feature networks are named 'pixels'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"model": images(50, 2) / np.float32(1)}, "has values from 0 to 25"),
        ({"model": images(50, 2).astype(np.float32) / 100 - 1}, "values from -1 to"),
        ({"model": images(50, 2)[..., 0]}, "expected (examples, height, width"),
        ({"model": images(50, 2).astype(np.int32)}, "int32"),
        ({"data": np.full((48, 3, 3, 1), np.nan)}, "not finite"),
        ({"reconstructions": images(3, 0)}, "one for each"),
        ({"confidence": 1.5}, "confidence=1.5: give a number above 0 and below 1"),
        ({"resamples": 1}, "resamples=1: give a whole number of at least 2"),
        ({"model": lambda key, n: images(n + 1, 0)}, "asked for"),
        ({"feature_nets": NET._replace(apply=lambda x: Activations(x[:, 0, 0] / 0))},
         "not finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_a_sentence(sets, change, says):
    given = {
        "model": sets["close"],
        "data": sets["data"],
        "train": sets["train"],
        "key": jax.random.key(0),
    }
    given |= FEW | change
    with pytest.raises(InputError) as error:
        metrics.evaluate(given.pop("model"), given.pop("data"), **given)
    assert says in str(error.value)


def test_a_model_without_its_state_is_refused(sets, key):
    with pytest.raises(InputError, match="without its state"):
        metrics.evaluate(tiny.vae(), sets["data"], key=key, **FEW)


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        (1, [("clusters", 0, None)]),
        (2, [("clusters, network", 1, 2), ("clusters, network", 2, 2)]),
    ],
)
def test_the_network_of_a_group_is_counted(monkeypatch, key, networks, expected):
    def compare(key, real, generated, halves, *, settings, progress):
        progress("clusters")

    monkeypatch.setattr(families, "compare_sets", compare)
    monkeypatch.setattr(families, "mean_comparison", list)
    told = []
    families.compare_group(
        key,
        [None] * networks,
        [None] * networks,
        None,
        settings=None,
        progress=lambda *stage: told.append(stage),
    )
    assert told == expected
