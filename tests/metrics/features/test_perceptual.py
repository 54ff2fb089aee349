import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.features import perceptual as features
from jaxgen.metrics.features.perceptual import lpips, lpips_features, unit_features
from jaxgen.metrics.features.weights import Weights
from jaxgen.networks.vgg import WIDTHS, standardize, vgg


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)
    params: dict = {"linear": {}, "vgg": {}}
    for path, shape in features._shapes().items():
        place = params["linear"]
        if path[0] == "vgg":
            place = params["vgg"].setdefault(path[1], {})
        scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) == 4 else 0.1
        array = rng.standard_normal(shape, np.float32) * np.float32(scale)
        place[path[-1]] = array if path[0] == "vgg" else np.abs(array)
    return Weights(params, ("0", "1"))


@pytest.fixture
def net(weights, monkeypatch):
    monkeypatch.setattr(features, "load_lpips", lambda *_: weights)
    return lpips_features("any.safetensors", size=(16, 16))


def images(seed, number=3):
    return np.random.default_rng(seed).uniform(size=(number, 16, 16, 3)).astype("f4")


def test_the_squared_distance_of_features_is_the_published_formula(net, weights):
    a, b = images(0), images(1)
    params = jax.tree.map(jnp.asarray, weights.params)
    activations = [
        jax.jit(vgg().apply)(params["vgg"], (), standardize(jnp.array(x)))[0]
        for x in (a, b)
    ]
    expected = np.zeros(3)
    for number, pair in enumerate(zip(*activations, strict=True)):
        units = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in pair]
        square = (np.asarray(units[0]) - np.asarray(units[1])) ** 2
        weighted = square * np.asarray(params["linear"][str(number)])
        expected += weighted.sum(-1).mean((1, 2))
    # Three pairs in batches of two: the last is short.
    found = lpips(net, a, b, batch_size=2)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_array_equal(lpips(net, a, a, batch_size=2), 0)


def test_there_are_122_features_for_each_pixel(net):
    shape = jax.ShapeDtypeStruct((2, 16, 16, 1), jnp.float32)
    found = jax.eval_shape(net.apply, shape).features
    assert found.shape == (2, net.dimension) == (2, 122 * 256)


def test_the_derivative_is_finite_where_all_activations_are_off():
    pixels = jnp.zeros((1, 1, 2, 4)).at[0, 0, 1].set(jnp.arange(4.0))
    value, slope = jax.jvp(
        lambda x: unit_features(x, jnp.ones(4)), (pixels,), (jnp.ones_like(pixels),)
    )
    assert np.isfinite(slope).all()
    np.testing.assert_allclose((value**2).sum(), 0.5, rtol=1e-6)


def test_images_that_make_no_pairs_are_refused(net):
    with pytest.raises(InputError, match="takes pairs"):
        lpips(net, images(0), images(0, number=2))
    with pytest.raises(InputError, match="16x17, and LPIPS was made for 16x16"):
        jax.eval_shape(net.apply, jax.ShapeDtypeStruct((1, 16, 17, 3), jnp.float32))
    with pytest.raises(InputError, match="at least 16x16"):
        lpips_features("any", size=(8, 32))


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match=r"is not there.*vgg16-397923af\.pth"):
        lpips_features(tmp_path / "a.pth", size=(16, 16))
    path = tmp_path / "vgg16.pth"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"needs the weights of its layers.*vgg\.pth"):
        lpips_features(path, size=(16, 16))
    wrong = tmp_path / "vgg16-397923af.pth"
    wrong.write_bytes(b"")
    with pytest.raises(InputError, match="wrong hash: the name says 397923af"):
        lpips_features(wrong, path, size=(16, 16))


def test_weights_of_layers_are_checked():
    found = {
        f"lin{number}.model.1.weight": np.ones((1, width, 1, 1))
        for number, width in enumerate(WIDTHS)
    }
    assert list(features.linear_weights(found)) == ["0", "1", "2", "3", "4"]
    with pytest.raises(InputError, match="lin1.* has negative"):
        features.linear_weights(
            found | {"lin1.model.1.weight": -np.ones((1, 128, 1, 1))}
        )
    with pytest.raises(InputError, match="lin1.* has shape"):
        features.linear_weights(
            found | {"lin1.model.1.weight": np.ones((1, 192, 1, 1))}
        )


def test_parity_with_torch_fidelity_by_random_weights(tmp_path):
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    peer = pytest.importorskip("torch_fidelity.sample_similarity_lpips")
    torch.manual_seed(0)
    network = torchvision.models.vgg16(weights=None)
    network.classifier = torch.nn.Identity()
    linear = {
        f"lin{number}.model.1.weight": torch.rand(1, width, 1, 1)
        for number, width in enumerate(WIDTHS)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peer, "load_state_dict_from_url", lambda *a, **k: linear)
        patch.setattr(peer, "torchvision_load_pretrained_vgg16", lambda: network)
        measure = peer.SampleSimilarityLPIPS("peer")
    paths = tmp_path / "vgg.pth", tmp_path / "linear.pth"
    torch.save(network.state_dict(), paths[0], _use_new_zipfile_serialization=False)
    torch.save(linear, paths[1])
    net = lpips_features(*paths, size=(64, 48))
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 3, 64, 48, 3), np.uint8)
    expected = measure(*(torch.from_numpy(x).permute(0, 3, 1, 2) for x in (a, b)))
    np.testing.assert_allclose(
        lpips(net, a, b), expected.numpy().reshape(-1), rtol=1e-4
    )
