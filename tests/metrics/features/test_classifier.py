import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.metrics.features import extract
from jaxgen.metrics.features.classifier import classifier_features
from jaxgen.metrics.features.classifier_training import _moved
from jaxgen.networks.classifier import channels_of, classifier

OPTIONS = {"epochs": 2, "batch_size": 32, "dimension": 16, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def arrays(digits):
    return digits.in_memory()


@pytest.fixture(scope="module")
def net(digits):
    return classifier_features(digits, cache=False, **OPTIONS)


def small(arrays, *, count=80, progress=None, **options):
    """Trains on a few digits for a moment."""
    options = {"epochs": 2, "batch_size": 32, "dimension": 16} | options
    return classifier_features(
        arrays["image"][:count],
        arrays["label"][:count],
        progress=progress,
        **options,
    )


def test_held_out_digits_are_told_apart_and_the_accuracy_is_said(net):
    assert net.name == "classifier of digits"
    assert net.class_names == tuple("0123456789")
    assert 0.9 < net.protocol["accuracy"] <= 1
    assert net.protocol["accuracy of the commonest class"] < 0.2
    assert net.protocol["held out"] + net.protocol["trained on"] == 1621


def test_the_accuracy_is_that_of_the_log_probabilities_on_the_test(arrays, digits):
    test = data.load("digits", split="test")
    net = small(arrays, cache=False, test=test)
    (found,) = extract([net], test.in_memory()["image"])
    right = found.log_probabilities.argmax(axis=1) == test.in_memory()["label"]
    assert net.protocol["accuracy"] == right.mean()
    assert net.protocol["trained on"] == 80
    np.testing.assert_allclose(
        np.exp(found.log_probabilities).sum(axis=1), 1, rtol=1e-5
    )


def test_features_have_about_mean_zero_and_mean_variance_one(net, arrays):
    (found,) = extract([net], arrays["image"])
    np.testing.assert_allclose(found.features.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(found.features.var(axis=0).mean(), 1, rtol=0.05)
    assert found.features.shape[1] == net.dimension == 16
    # No unit is dead.
    assert found.features.std(axis=0).min() > 0.1


def test_the_same_seed_gives_the_same_weights_and_another_one_others(arrays):
    nets = [small(arrays, cache=False, seed=seed) for seed in (3, 3, 4)]
    assert nets[0].identity == nets[1].identity != nets[2].identity
    one, two, three = extract(nets, arrays["image"][:20])
    np.testing.assert_array_equal(one.features, two.features)
    assert not np.allclose(one.features, three.features)


def test_it_is_trained_once_and_then_found(arrays, tmp_path):
    done = []
    first = small(arrays, cache=tmp_path, progress=done.append)
    assert sum(done) == 2 * first.protocol["trained on"]
    second = small(arrays, cache=tmp_path, progress=done.append)
    assert len(done) == 2
    assert second.identity == first.identity
    assert second.protocol == first.protocol
    ours, theirs = extract([first, second], arrays["image"][:20])
    np.testing.assert_array_equal(ours.features, theirs.features)


def test_it_is_kept_where_the_user_keeps_caches(arrays, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small(arrays)
    (entry,) = (tmp_path / "jaxgen").iterdir()
    assert entry.name.startswith("classifier-")


def test_other_data_options_and_seeds_are_other_entries(arrays, tmp_path):
    small(arrays, cache=tmp_path)
    small(arrays, cache=tmp_path, seed=1)
    changed = {**arrays, "image": arrays["image"] ^ 1}
    small(changed, cache=tmp_path)
    small(arrays, cache=tmp_path, shift=1)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("damage", ["half", "byte", "other", "nan"])
def test_a_damaged_entry_is_trained_anew(arrays, tmp_path, damage):
    first = small(arrays, cache=tmp_path)
    (entry,) = tmp_path.iterdir()
    content = bytearray(entry.read_bytes())
    if damage == "half":
        entry.write_bytes(content[: len(content) // 2])
    elif damage == "byte":
        content[len(content) // 2] ^= 1
        entry.write_bytes(content)
    elif damage == "other":
        np.savez(entry, other=np.zeros(3))
    else:
        with np.load(entry) as saved:
            kept = {name: saved[name] for name in saved.files}
        np.savez(entry, **kept | {"accuracy": np.float64(np.nan)})
    done = []
    again = small(arrays, cache=tmp_path, progress=done.append)
    assert done
    assert again.identity == first.identity
    # And what it left is whole.
    small(arrays, cache=tmp_path, progress=done.append)
    assert len(done) == 2


def test_a_cache_that_cannot_be_written_is_no_failure(arrays, tmp_path):
    (tmp_path / "file").write_text("a file in its place")
    assert small(arrays, cache=tmp_path / "file").identity


def test_floats_are_the_bytes_they_stand_for(arrays):
    floats = {**arrays, "image": arrays["image"] / np.float32(255)}
    assert small(floats, cache=False).identity == small(arrays, cache=False).identity


def test_gradients_reach_the_images(net):
    total = jax.jit(jax.grad(lambda images: jnp.sum(net.apply(images).features ** 2)))
    found = np.asarray(total(jnp.full((1, 8, 8, 1), 0.5)))
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 0


@pytest.mark.parametrize(
    "shape", [(8, 8, 1), (28, 28, 1), (40, 9, 3), (64, 64, 3), (256, 256, 3)]
)
def test_images_of_any_size_come_down_to_eight_pixels(shape):
    images = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    network = classifier(3, dimension=5)
    params, _ = jax.eval_shape(network.init, jax.random.key(0), images)
    (features, logits), _ = jax.eval_shape(network.apply, params, (), images)
    assert (features.shape, logits.shape) == ((2, 5), (2, 3))
    height, width = shape[:2]
    for _ in channels_of(height, width):
        height, width = -(-height // 2), -(-width // 2)
    assert params["Dense_0"]["kernel"].shape == (height * width * 64, 5)
    assert max(height, width) <= 8


def test_what_cannot_be_used_is_told(arrays, net):
    images, labels = arrays["image"][:50], arrays["label"][:50]

    def fails(match, *given, **options):
        with pytest.raises(InputError, match=match):
            classifier_features(*given, cache=False, **options)

    fails("take random_convolution_features", images)
    fails("take random_convolution_features", data.from_arrays(images, name="faces"))
    fails("needs two classes at least", images, 0 * labels)
    fails("one for each image", images, labels[:-1])
    fails("expected integers", images, labels / 2)
    fails("has the value -1", images, labels - 1)
    fails("and there are 2 classes", images, labels, class_names=("a", "b"))
    fails("which has its own", data.load("digits"), labels)
    fails("images of one shape", images, labels, test=(images[:, :4], labels))
    fails("leaves none to learn from", images[:1], labels[:1])
    fails("holdout_fraction=1.5", images, labels, holdout_fraction=1.5)
    fails("dimension=0", images, labels, dimension=0)
    fails("epochs=0", images, labels, epochs=0)
    fails("learning_rate=-1", images, labels, learning_rate=-1.0)
    fails(
        "give a learning_rate below",
        images,
        labels,
        **OPTIONS | {"learning_rate": 1e30},
    )
    with pytest.raises(InputError, match="trained on"):
        net.apply(jnp.zeros((1, 4, 4, 1)))


def test_a_batch_is_moved_as_a_whole_and_its_border_repeated():
    images = jnp.arange(18, dtype=jnp.uint8).reshape(2, 3, 3, 1)
    np.testing.assert_array_equal(_moved(images, jnp.array([1, 1]), 1), images)
    moved = _moved(images, jnp.array([0, 2]), 1)[..., 0]
    np.testing.assert_array_equal(moved[0], [[1, 2, 2], [1, 2, 2], [4, 5, 5]])
    np.testing.assert_array_equal(moved[1] - moved[0], np.full((3, 3), 9))
