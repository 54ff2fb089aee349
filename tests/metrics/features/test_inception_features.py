import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.features import inception as features
from jaxgen.metrics.features.base import INCEPTION
from jaxgen.metrics.features.inception import inception_features, prepare
from jaxgen.metrics.features.resizing import resize_bilinear
from jaxgen.metrics.features.weights import Weights, named, save_weights
from jaxgen.networks.inception_weights import inception_shapes

REAL = "JAXGEN_INCEPTION_WEIGHTS"


@pytest.fixture
def nothing(monkeypatch):
    """Weights without a file, all of them 0: only the dense layer's are there."""

    def use(*sources):
        params = {"fc": {"kernel": np.zeros((2048, 1008), np.float32)}}
        monkeypatch.setattr(
            features, "load_inception", lambda path: Weights(params, sources)
        )

    return use


def read_at(row, place):
    """Linear interpolation of one row of pixels, brute force."""
    low = int(np.floor(place))
    last = len(row) - 1
    left, right = row[min(max(low, 0), last)], row[min(max(low + 1, 0), last)]
    return left + (right - left) * (place - low)


@pytest.mark.parametrize("before", [5, 16])
@pytest.mark.parametrize("resize", ["tensorflow1", "pytorch"])
def test_pixels_are_read_where_each_library_reads_them(resize, before):
    after = 7
    image = np.random.default_rng(0).uniform(size=(before, before + 1))
    found = resize_bilinear(
        jnp.array(image, jnp.float32)[None, :, :, None], after, resize=resize
    )
    half = 0.5 * (resize == "pytorch")
    places = [(np.arange(after) + half) * n / after - half for n in image.shape]
    columns = np.array([[read_at(row, x) for x in places[1]] for row in image])
    expected = np.array([[read_at(row, y) for y in places[0]] for row in columns.T]).T
    np.testing.assert_allclose(found[0, :, :, 0], expected, atol=1e-6)


def test_images_of_the_right_size_are_not_touched():
    images = jax.random.uniform(jax.random.key(0), (1, 299, 299, 1))
    for resize, scaled in [
        ("tensorflow1", (255 * images - 128) / 128),
        ("pytorch", 2 * images - 1),
    ]:
        prepared = prepare(images, resize=resize)
        np.testing.assert_allclose(
            prepared, np.broadcast_to(scaled, (1, 299, 299, 3)), atol=1e-6
        )


def test_only_the_released_weights_are_called_inception(nothing):
    nothing(features.RELEASES[0].sha256)
    genuine = inception_features("any.pth", resize="pytorch")
    assert genuine.name == INCEPTION
    assert genuine.protocol["resize"] == "pytorch"
    assert genuine.protocol["weights_sha256"] == features.RELEASES[0].sha256
    nothing("0123456789" * 6)
    assert (
        inception_features("any.pth").name == "Inception-2015 with the weights 01234567"
    )
    assert inception_features("any.pth").identity != genuine.identity


def test_two_ways_of_resizing_are_two_networks(nothing):
    nothing("0123")
    found = {
        inception_features("a.pth", resize=resize).identity
        for resize in ("tensorflow1", "pytorch")
    }
    assert len(found) == 2
    with pytest.raises(InputError, match="resize='bicubic': choose"):
        inception_features("a.pth", resize="bicubic")  # type: ignore[arg-type]


def test_shapes_and_classes(monkeypatch):
    params: dict = {}
    for path, shape in inception_shapes().items():
        place = params
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = np.broadcast_to(np.float32(0), shape)
    monkeypatch.setattr(features, "load_inception", lambda _: Weights(params, ("0",)))
    net = inception_features("a.pth")
    images = jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32)
    found = jax.eval_shape(net.apply, images)
    assert found.features.shape == (2, net.dimension)
    assert found.log_probabilities.shape == (2, 1008)
    images = jax.ShapeDtypeStruct((2, 28, 28, 4), jnp.float32)
    with pytest.raises(InputError, match="4 channels, and the Inception network takes"):
        jax.eval_shape(net.apply, images)


def test_a_missing_file_says_what_to_fetch(tmp_path):
    with pytest.raises(
        InputError, match=r"is not there.*pytorch-fid/releases.*convert"
    ):
        inception_features(tmp_path / "pt.pth")
    with pytest.raises(InputError, match="is a folder"):
        inception_features(tmp_path)


def test_the_hash_in_a_name_is_checked(tmp_path):
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    path.write_bytes(b"not it")
    with pytest.raises(InputError, match="wrong hash: the name says 6726825d"):
        inception_features(path)


def test_converted_files_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    weights = Weights({"a": {"kernel": np.zeros(3, np.float32)}}, ("0123",))
    save_weights(path, weights, architecture="lpips-vgg-0.1")
    with pytest.raises(InputError, match="for the network 'lpips-vgg-0.1', expected"):
        inception_features(path)
    save_weights(path, weights, architecture=features.ARCHITECTURE)
    with pytest.raises(InputError, match="do not fit the network"):
        inception_features(path)
    path.write_bytes(b"x" * 100)
    with pytest.raises(InputError, match="Convert them again"):
        inception_features(path)


# Parity with torch-fidelity (extra `bench`).


def torch_extractor(path=None):
    """torch-fidelity's network, with the weights of a file or with random ones."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    layers = ["2048", "logits_unbiased"]
    if path is not None:
        return module.FeatureExtractorInceptionV3(
            "peer", layers, feature_extractor_weights_path=str(path)
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *a, **k: {})
        extractor = module.FeatureExtractorInceptionV3
        patch.setattr(extractor, "load_state_dict", lambda *a, **k: None)
        net = extractor("peer", layers)
    torch.manual_seed(0)
    for name, values in net.state_dict().items():
        if name.endswith("conv.weight"):
            torch.nn.init.kaiming_normal_(values)  # activations keep their size
        elif name.endswith(("running_var", "bn.weight")):
            values.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bn.bias")):
            values.normal_(0, 0.2)
        elif name.startswith("fc."):
            values.normal_(0, 0.02)
    return net


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def check_parity(peer, net, size):
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(size).integers(0, 256, (2, size, size, 3), np.uint8)
    expected, logits = peer(torch.from_numpy(images).permute(0, 3, 1, 2))
    found = jax.jit(net.apply)(jnp.asarray(images, jnp.float32) / 255)
    assert relative(found.features, expected.numpy()) < 1e-4
    log_probabilities = torch.log_softmax(logits, 1).numpy()
    assert relative(found.log_probabilities, log_probabilities) < 1e-4
    # The features tell images apart, or agreement would mean little.
    assert relative(expected[0].numpy(), expected[1].numpy()) > 1e-2


@pytest.mark.parametrize("older", [False, True])
def test_parity_with_torch_fidelity_by_random_weights(tmp_path, older):
    peer = torch_extractor()
    torch = pytest.importorskip("torch")
    path = tmp_path / "random.pth"
    torch.save(peer.state_dict(), path, _use_new_zipfile_serialization=not older)
    net = inception_features(path)
    for size in (32, 64) if older else (32,):
        check_parity(peer, net, size)
    converted = tmp_path / "random.safetensors"
    weights = features.load_inception(path)
    save_weights(converted, weights, architecture=features.ARCHITECTURE)
    again = inception_features(converted)
    assert again._replace(apply=net.apply) == net
    loaded = named(features.load_inception(converted).params)
    for name, array in named(weights.params).items():
        np.testing.assert_array_equal(array, loaded[name])


def test_parity_with_torch_fidelity_by_the_released_weights():
    path = os.environ.get(REAL)
    if path is None:
        pytest.skip(f"{REAL} names no file of the released weights")
    net = inception_features(path)
    assert net.name == INCEPTION
    check_parity(torch_extractor(path), net, 32)


def test_resizing_is_that_of_the_peers():
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
    for size in (32, 400):
        images = np.random.default_rng(0).uniform(size=(1, size, size, 3)).astype("f4")
        channels_first = torch.from_numpy(images).permute(0, 3, 1, 2)
        by_peers = {
            "tensorflow1": peer.interpolate_bilinear_2d_like_tensorflow1x(
                channels_first, size=(299, 299), align_corners=False
            ),
            "pytorch": torch.nn.functional.interpolate(
                channels_first, (299, 299), mode="bilinear", align_corners=False
            ),
        }
        for resize, expected in by_peers.items():
            found = resize_bilinear(jnp.array(images), 299, resize=resize)
            np.testing.assert_allclose(
                found, expected.permute(0, 2, 3, 1).numpy(), atol=1e-4
            )
