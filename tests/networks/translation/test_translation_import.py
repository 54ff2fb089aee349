"""The files of the authors' PyTorch code, written here without PyTorch."""

import struct
import zipfile

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.networks import import_critic, import_translator


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integers(values) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", v) for v in values) + b"t"


def write(path, arrays):
    """Writes a state dict as `torch.save` does."""
    content = b"\x80\x02}("
    with zipfile.ZipFile(path, "w") as file:
        for key, (name, array) in enumerate(arrays.items()):
            array = np.array(array, "<f4", order="C")
            steps = [s // 4 for s in np.zeros(array.shape, "<f4").strides]
            storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n"
            storage += text(str(key)) + text("cpu")
            storage += b"J" + struct.pack("<i", array.size) + b"tQ"
            content += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n("
            content += storage + b"K\x00" + integers(array.shape) + integers(steps)
            content += b"\x89NtR"
            file.writestr(f"net/data/{key}", array.tobytes())
        file.writestr("net/data.pkl", content + b"u.")
    return path


def filled(shapes, seed=0):
    numbers = np.random.default_rng(seed)
    return {name: numbers.normal(size=shape) for name, shape in shapes.items()}


def batch_norm(name, channels):
    leaves = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{leaf}": (channels,) for leaf in leaves}


def resnet_shapes(dropout=False):
    """Two blocks of 4 * 2 channels, from 3 channels to 1, instance norm."""
    second = 6 if dropout else 5
    shapes = {
        "model.1": (2, 3, 7, 7),
        "model.4": (4, 2, 3, 3),
        "model.7": (8, 4, 3, 3),
        "model.10.conv_block.1": (8, 8, 3, 3),
        f"model.10.conv_block.{second}": (8, 8, 3, 3),
        "model.11.conv_block.1": (8, 8, 3, 3),
        f"model.11.conv_block.{second}": (8, 8, 3, 3),
        "model.12": (8, 4, 3, 3),
        "model.15": (4, 2, 3, 3),
        "model.19": (1, 2, 7, 7),
    }
    transposed = ("model.12", "model.15")
    biases = {n: (s[1] if n in transposed else s[0],) for n, s in shapes.items()}
    named = {f"{name}.weight": shape for name, shape in shapes.items()}
    return named | {f"{name}.bias": shape for name, shape in biases.items()}


def unet_shapes():
    """Three levels of 2, 4 and 8 channels, from 3 to 1, batch norm."""
    first = "model.model.1.model"
    second = f"{first}.3.model"
    return {
        "model.model.0.weight": (2, 3, 4, 4),
        f"{first}.1.weight": (4, 2, 4, 4),
        **batch_norm(f"{first}.2", 4),
        f"{second}.1.weight": (8, 4, 4, 4),
        f"{second}.3.weight": (8, 4, 4, 4),
        **batch_norm(f"{second}.4", 4),
        f"{first}.5.weight": (8, 2, 4, 4),
        **batch_norm(f"{first}.6", 2),
        "model.model.3.weight": (4, 1, 4, 4),
        "model.model.3.bias": (1,),
    }


def patch_shapes():
    """Two layers, 6 channels, no norm: the authors' inner layers have no bias then."""
    return {
        "model.0.weight": (2, 6, 4, 4),
        "model.0.bias": (2,),
        "model.2.weight": (4, 2, 4, 4),
        "model.5.weight": (8, 4, 4, 4),
        "model.8.weight": (3, 8, 4, 4),
        "model.8.bias": (3,),
    }


@pytest.mark.parametrize("dropout", [False, True])
def test_a_resnet_is_known_by_its_names(tmp_path, dropout):
    arrays = filled(resnet_shapes(dropout))
    found = import_translator(write(tmp_path / "latest_net_G.pth", arrays))
    words = "dropout, " if dropout else ""
    assert found.description == (
        f"ResNet: 2 blocks, {words}width 2, 3 to 1 channels, instance norm"
    )
    assert found[5:] == ("ResNet", 2, 2, "instance", dropout, (3, 1), 8, 4)
    assert found.stats == ()
    params = found.params
    assert len(params) == 10
    np.testing.assert_allclose(
        params["block_1_1"]["conv"]["kernel"][2, 0, 3, 5],
        arrays[f"model.11.conv_block.{5 + dropout}.weight"][5, 3, 2, 0],
        rtol=1e-6,
    )
    # What PyTorch stores of a transposed convolution is flipped, and inputs first.
    np.testing.assert_allclose(
        params["up_1"]["conv"]["kernel"][0, 1, 5, 3],
        arrays["model.12.weight"][5, 3, 2, 1],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        params["up_0"]["conv"]["bias"], arrays["model.15.bias"], rtol=1e-6
    )


def test_a_unet_is_known_by_its_names(tmp_path):
    arrays = filled(unet_shapes())
    first = "model.model.1.model"
    arrays[f"{first}.2.num_batches_tracked"] = np.array(7)
    found = import_translator(write(tmp_path / "latest_net_G.pth", arrays))
    assert found.description == ("U-Net: depth 3, width 2, 3 to 1 channels, batch norm")
    assert found[5:] == ("U-Net", 3, 2, "batch", None, (3, 1), 8, 8)
    norm = found.params["up_2"]["norm"]["BatchNorm_0"]
    statistics = found.stats["up_2"]["norm"]
    name = f"{first}.3.model.4"
    for ours, theirs in (
        (norm["scale"], "weight"),
        (norm["bias"], "bias"),
        (statistics["BatchNorm_0"]["mean"], "running_mean"),
        (statistics["BatchNorm_0"]["var"], "running_var"),
    ):
        np.testing.assert_allclose(ours, arrays[f"{name}.{theirs}"], rtol=1e-6)
    assert found.stats["down_1"]["norm"]["batches"] == 7
    assert statistics["batches"] > 100
    np.testing.assert_allclose(
        found.params["up_1"]["conv"]["kernel"][3, 1, 6, 1],
        arrays[f"{first}.5.weight"][6, 1, 0, 2],
        rtol=1e-6,
    )


def test_critics_are_known_by_their_names(tmp_path):
    arrays = filled(patch_shapes())
    found = import_critic(write(tmp_path / "latest_net_D.pth", arrays))
    assert found.description == (
        "patch critic: 2 layers, width 2, 6 to 3 channels, no norm"
    )
    assert not np.any(found.params["layer_1"]["conv"]["bias"])
    np.testing.assert_allclose(
        found.params["head"]["conv"]["kernel"][0, 1, 7, 2],
        arrays["model.8.weight"][2, 7, 0, 1],
        rtol=1e-6,
    )
    arrays = filled(
        {
            "net.0.weight": (2, 3, 1, 1),
            "net.0.bias": (2,),
            "net.2.weight": (4, 2, 1, 1),
            **batch_norm("net.3", 4),
            "net.5.weight": (1, 4, 1, 1),
        }
    )
    found = import_critic(write(tmp_path / "pixel.pth", arrays))
    assert found.description == "pixel critic: width 2, 3 to 1 channels, batch norm"


def test_wrappers_and_old_statistics_are_left_out(tmp_path):
    arrays = filled(resnet_shapes())
    plain = import_translator(write(tmp_path / "plain.pth", arrays))
    arrays["model.2.running_mean"] = arrays["model.2.running_var"] = np.ones(2)
    arrays["model.2.num_batches_tracked"] = np.array(3)
    wrapped = {f"module.{name}": array for name, array in arrays.items()}
    found = import_translator(write(tmp_path / "wrapped.pth", wrapped))
    assert found.description.endswith("(its old running statistics left out)")
    for name, unit in plain.params.items():
        np.testing.assert_array_equal(
            found.params[name]["conv"]["kernel"], unit["conv"]["kernel"]
        )


def without(shapes, name):
    return {key: shape for key, shape in shapes.items() if key != name}


def renamed(shapes, old, new):
    return {key.replace(old, new): shape for key, shape in shapes.items()}


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"features.0.weight": (2, 3, 3, 3)}, r"begin with features\.0\.weight\)"),
        (patch_shapes(), "holds a patch critic: read it by import_critic"),
        (resnet_shapes() | {"model.7.filt": (4, 1, 3, 3)}, "anti-aliased"),
        (renamed(resnet_shapes(), "4.weight", "4.weight_orig"), "spectral or weight"),
        (renamed(resnet_shapes(), "block.5", "block.4"), r"convolutions at \[1, 4\]"),
        (without(resnet_shapes(), "model.4.bias"), r"model\.4\.bias is missing"),
        (without(resnet_shapes(), "model.19.weight"), r"model\.19\.weight is missing"),
        (
            resnet_shapes() | {"model.4.weight": (4, 2, 5, 5)},
            r"model\.4\.weight has shape \(4, 2, 5, 5\), expected \(4, 2, 3, 3\)",
        ),
        (resnet_shapes() | {"model.30.weight": (3,)}, r"it has no model\.30\.weight"),
        (
            without(unet_shapes(), "model.model.1.model.6.bias"),
            r"U-Net: depth 3.*model\.model\.1\.model\.6\.bias is missing",
        ),
    ],
)
def test_other_networks_are_refused_in_a_sentence(tmp_path, shapes, words):
    path = write(tmp_path / "other.pth", filled(shapes))
    with pytest.raises(InputError, match=words) as caught:
        import_translator(path)
    assert "other.pth" in str(caught.value)


def test_a_translator_is_no_critic(tmp_path):
    path = write(tmp_path / "G.pth", filled(unet_shapes()))
    with pytest.raises(InputError, match="holds a U-Net: read it by import_translator"):
        import_critic(path)


def test_weights_of_a_failed_training_are_refused(tmp_path):
    arrays = filled(patch_shapes())
    arrays["model.2.weight"][0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"not finite in model\.2\.weight"):
        import_critic(write(tmp_path / "D.pth", arrays))
