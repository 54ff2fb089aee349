from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.data import images
from jaxgen.errors import InputError
from tests.data.test_tfds import grey as grey_files
from tests.data.test_tfds import prepare

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "folders"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real folders of pairs are not here"
)


def write(path, value, size=(6, 4), mode="RGB"):
    """Writes an image of (width, height) that is known by its red or grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(path)
    return path


def write_sides(root, a="train/A", b="train/B", count=3, **options):
    for index in range(count):
        write(root / a / f"{index:03}.png", index, **options)
        write(root / b / f"{index:03}.png", 100 + index, **options)
    return root


def write_halves(folder, values, height=4, width=6):
    """Writes images side by side, the left half of a value, the right of 100 more."""
    folder.mkdir(parents=True, exist_ok=True)
    for value in values:
        image = np.zeros((height, width, 3), np.uint8)
        image[..., 0] = value
        image[:, width // 2 :, 0] += 100
        Image.fromarray(image).save(folder / f"{value:03}.png")
    return folder


def values(source):
    return source.in_memory()["image"][:, 0, 0, 0].tolist()


def test_every_layout_of_two_folders_is_found(tmp_path):
    for name, (a, b) in {
        "inside": ("train/A", "train/B"),
        "outside": ("A/train", "B/train"),
        "plain": ("A", "B"),
    }.items():
        pairs = data.load_pairs(write_sides(tmp_path / name, a, b, count=10))
        expected = list(range(9 if name == "plain" else 10))
        assert pairs.aligned
        assert values(pairs.a) == expected
        assert values(pairs.b) == [100 + value for value in expected]
    held = data.load_pairs(tmp_path / "plain", split="test")
    assert (values(held.a), values(held.b), held.names) == ([9], [109], ("009",))


def test_the_standard_unpaired_layout(tmp_path):
    write_sides(tmp_path, "trainA", "trainB")
    write(tmp_path / "trainB" / "alone.png", 7)
    write_sides(tmp_path, "testA", "testB", count=2)
    pairs = data.load_pairs(tmp_path)
    assert (len(pairs.a), len(pairs.b), len(pairs), pairs.aligned) == (3, 4, 4, False)
    test = data.load_pairs(tmp_path, split="test", direction="b_to_a")
    assert values(test.a) == [100, 101]


def test_the_layout_may_say_otherwise(tmp_path):
    write_sides(tmp_path / "known", "trainA", "trainB")
    assert data.load_pairs(tmp_path / "known", layout="aligned").aligned
    write_sides(tmp_path / "unknown")
    (tmp_path / "unknown" / "train" / "B" / "002.png").unlink()
    pairs = data.load_pairs(tmp_path / "unknown", layout="unpaired")
    assert (len(pairs.a), len(pairs.b), pairs.aligned) == (3, 2, False)


def test_images_side_by_side_are_cut_in_half(tmp_path):
    write_halves(tmp_path / "set" / "train", [3, 5])
    write_halves(tmp_path / "set" / "val", [8])
    for split, expected in (("train", [3, 5]), ("val", [8])):
        pairs = data.load_pairs(tmp_path / "set", split=split)
        assert pairs.a.image_shape == pairs.b.image_shape == (4, 3, 3)
        assert values(pairs.a) == expected
        for source, more in ((pairs.a, 0), (pairs.b, 100)):
            image = source.in_memory()["image"][..., 0]
            assert (image == np.array(expected)[:, None, None] + more).all()
    flat = write_halves(tmp_path / "flat", range(12))
    assert values(data.load_pairs(flat, split="test").b) == [109]


def test_halves_of_several_sizes_are_resized_apart(tmp_path):
    write_halves(tmp_path, [3], height=6, width=8)
    write_halves(tmp_path, [5], height=9, width=20)
    pairs = data.load_pairs(tmp_path, split="test", image_size=5, layout="side_by_side")
    # Nothing of the other half may come over the edge.
    assert (pairs.a.in_memory()["image"][..., 0] == 5).all()
    assert (pairs.b.in_memory()["image"][..., 0] == 105).all()


def test_partners_are_found_by_name_whatever_the_suffix(tmp_path):
    for name, value in (("x", 1), ("y", 2)):
        write(tmp_path / "train" / "A" / f"{name}.png", value)
        write(tmp_path / "train" / "B" / f"{name}.bmp", 10 * value, mode="L")
    pairs = data.load_pairs(tmp_path)
    assert values(pairs.b) == [10, 20]
    assert (pairs.a.image_shape, pairs.b.image_shape) == ((4, 6, 3), (4, 6, 1))


def test_one_side_may_be_a_whole_multiple_of_the_other(tmp_path):
    for index in range(2):
        write(tmp_path / "train" / "A" / f"{index}.png", index, size=(6, 4))
        write(tmp_path / "train" / "B" / f"{index}.png", index, size=(24, 16))
    pairs = data.load_pairs(tmp_path)
    assert (pairs.a.image_shape, pairs.b.image_shape) == ((4, 6, 3), (16, 24, 3))


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_grey_of_sixteen_bits_is_kept(tmp_path, suffix):
    deep = np.array([[0, 1, 258], [40_000, 65_534, 65_535]], np.uint16)
    for side in "AB":
        (tmp_path / "train" / side).mkdir(parents=True)
        Image.fromarray(deep).save(tmp_path / "train" / side / f"0.{suffix}")
    pairs = data.load_pairs(tmp_path)
    found = pairs.a.in_memory()["image"]
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[0, ..., 0], deep)
    assert data.load_pairs(tmp_path, image_size=2).b.in_memory()["image"].max() > 257


def test_an_image_that_lost_its_sixteen_bits_is_named(tmp_path):
    for side in "AB":
        (tmp_path / "train" / side).mkdir(parents=True)
        path = tmp_path / "train" / side / "0.png"
        Image.fromarray(np.zeros((4, 6), np.uint16)).save(path)
    pairs = data.load_pairs(tmp_path)
    write(path, 3, mode="L")
    with pytest.raises(InputError, match=r"B/0\.png has pixels of mode 'L'.*16 bits"):
        pairs.b.in_memory()


def test_arrays_of_any_channels_are_read(tmp_path):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (3, 4, 6, 5), np.uint8)
    b = rng.random((3, 4, 6), np.float32)
    for side, arrays in (("A", a), ("B", b)):
        (tmp_path / "train" / side).mkdir(parents=True)
        for index, array in enumerate(arrays):
            np.save(tmp_path / "train" / side / f"{index}.npy", array)
    pairs = data.load_pairs(tmp_path)
    np.testing.assert_array_equal(pairs.a.in_memory()["image"], a)
    found = pairs.b.in_memory()["image"][..., 0] / 65_535
    np.testing.assert_allclose(found, b, atol=0.5 / 65_535)
    resized = data.load_pairs(tmp_path, image_size=3)
    assert resized.a[0]["image"].shape == (3, 3, 5)


def test_a_pickled_array_is_refused(tmp_path):
    write_sides(tmp_path)
    path = tmp_path / "train" / "A" / "000.npy"
    (tmp_path / "train" / "A" / "000.png").unlink()
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"array .*000\.npy cannot be read"):
        data.load_pairs(tmp_path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(4), r"float64 of shape \(4,\)"),
        (np.zeros((2, 2), int), "int64 of shape"),
        (np.zeros((2, 0)), r"float64 of shape \(2, 0"),
    ],
)
def test_an_array_that_is_no_image_is_refused(tmp_path, array, words):
    for side in "AB":
        (tmp_path / "train" / side).mkdir(parents=True)
        np.save(tmp_path / "train" / side / "0.npy", array)
    with pytest.raises(InputError, match=words):
        data.load_pairs(tmp_path)


def test_an_array_out_of_range_is_named(tmp_path):
    for side in "AB":
        (tmp_path / "train" / side).mkdir(parents=True)
        np.save(tmp_path / "train" / side / "0.npy", np.full((2, 2), 9.0))
    pairs = data.load_pairs(tmp_path)
    with pytest.raises(InputError, match=r"A/0\.npy are from 9\.0.*\[0, 1\]"):
        pairs.a.in_memory()


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_missing_partner_is_named(tmp_path, side):
    write_sides(tmp_path, count=4)
    other = "BA"["AB".index(side)]
    (tmp_path / "train" / side / "002.png").unlink()
    words = rf"train/{side} has no partner of .*train/{other}/002\.png.*unpaired"
    with pytest.raises(InputError, match=words):
        data.load_pairs(tmp_path)


def test_unequal_counts_are_told(tmp_path):
    write_sides(tmp_path, count=4)
    for index in (1, 2):
        (tmp_path / "train" / "B" / f"00{index}.png").unlink()
    with pytest.raises(InputError, match=r"001\.png \(2 images have none\).*4.*2"):
        data.load_pairs(tmp_path)


def test_two_images_of_one_name_are_refused(tmp_path):
    write_sides(tmp_path)
    write(tmp_path / "train" / "A" / "001.bmp", 1)
    with pytest.raises(InputError, match=r"001\.bmp and 001\.png have one name"):
        data.load_pairs(tmp_path)


def test_an_image_of_another_size_than_its_partner_is_named(tmp_path):
    write_sides(tmp_path)
    write(tmp_path / "train" / "B" / "001.png", 1, size=(5, 4))
    words = r"A/001\.png \(6x4\) and .*B/001\.png \(5x4\).*image_size"
    with pytest.raises(InputError, match=words):
        data.load_pairs(tmp_path)
    assert data.load_pairs(tmp_path, image_size=4).b.image_shape == (4, 4, 3)


def test_a_pair_of_another_size_than_the_first_is_named(tmp_path):
    write_sides(tmp_path)
    for side in "AB":
        write(tmp_path / "train" / side / "001.png", 1, size=(5, 4))
    with pytest.raises(InputError, match=r"001\.png is 5x4.*expected 6x4"):
        data.load_pairs(tmp_path)


def test_sides_of_no_whole_factor_are_refused(tmp_path):
    for index in range(2):
        write(tmp_path / "train" / "A" / f"{index}.png", index, size=(6, 4))
        write(tmp_path / "train" / "B" / f"{index}.png", index, size=(9, 6))
    with pytest.raises(InputError, match="6x4 pixels.*9x6.*whole multiple"):
        data.load_pairs(tmp_path)


def test_a_grey_image_in_a_colour_set_is_named(tmp_path):
    write_sides(tmp_path)
    grey = write(tmp_path / "train" / "A" / "000.png", 50, mode="L")
    with pytest.raises(InputError, match=rf"{grey} has one channel and .*001.* has 3"):
        data.load_pairs(tmp_path)
    assert data.load_pairs(tmp_path, channels=3).a.image_shape == (4, 6, 3)


def test_grey_that_is_not_opaque_is_grey(tmp_path):
    for side, value in (("A", 40), ("B", 200)):
        (tmp_path / "train" / side).mkdir(parents=True)
        pixels = np.full((4, 6, 2), (value, 255), np.uint8)
        pixels[:2, :, 1] = 0
        Image.fromarray(pixels).save(tmp_path / "train" / side / "0.png")
        assert images.read_header(tmp_path / "train" / side / "0.png", "0").grey
    pairs = data.load_pairs(tmp_path)
    found = pairs.a.in_memory()["image"]
    # Where nothing is seen of it there is the white below.
    assert found.shape == (1, 4, 6, 1)
    assert (found[0, :2] == 255).all()
    assert (found[0, 2:] == 40).all()


def test_eight_bits_among_sixteen_are_named(tmp_path):
    write_sides(tmp_path, mode="L")
    path = tmp_path / "train" / "B" / "001.png"
    Image.fromarray(np.zeros((4, 6), np.uint16)).save(path)
    with pytest.raises(InputError, match=rf"{path} has 16 bits and .*000.* has 8"):
        data.load_pairs(tmp_path)


def test_an_odd_width_has_no_halves(tmp_path):
    write_halves(tmp_path / "train", [1, 2], width=7)
    with pytest.raises(InputError, match=r"001\.png is 7x4.*even width"):
        data.load_pairs(tmp_path)


def test_single_images_are_not_cut_in_half_unasked(tmp_path):
    write_halves(tmp_path, [1, 2], height=4, width=4)
    with pytest.raises(InputError, match=r"001\.png is 4x4.*layout='side_by_side'"):
        data.load_pairs(tmp_path)
    pairs = data.load_pairs(tmp_path, layout="side_by_side")
    assert pairs.a.image_shape == (4, 2, 3)


def test_a_file_that_is_no_image_is_named_at_once(tmp_path):
    write_sides(tmp_path)
    (tmp_path / "train" / "B" / "001.png").write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"B/001\.png cannot be read"):
        data.load_pairs(tmp_path)


def test_a_truncated_image_is_named_before_training(tmp_path, key):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    write_sides(tmp_path, size=(32, 32))
    (tmp_path / "train" / "B" / "001.png").unlink()
    path = tmp_path / "train" / "B" / "001.jpg"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    pairs = data.load_pairs(tmp_path)
    with pytest.raises(InputError, match=r"B/001\.jpg cannot be read"):
        data.pair_pipeline(pairs, batch_size=2, key=key, train=True)
    streamed = data.pair_pipeline(
        pairs, batch_size=3, key=key, train=True, resident=False
    )
    with pytest.raises(InputError, match=r"B/001\.jpg cannot be read"):
        streamed.feed(0, 1)


@pytest.mark.parametrize(
    ("made", "options", "words"),
    [
        (["train/A"], {}, "train/A is there and .*train/B is not"),
        (["train/A", "train/B"], {}, "train/A holds no images: expected files"),
        (["train/A", "train/B"], {"split": "test"}, "no split 'test'.*test/A and"),
        (["trainA", "trainB"], {"split": "val"}, "no split 'val'.*valA and valB"),
        ([], {}, "holds no pairs: expected folders A and B, trainA"),
        ([], {"layout": "unpaired"}, "holds no pairs of the layout 'unpaired'"),
        (["test"], {}, "no split 'train'"),
        ([], {"channels": 4}, "channels=4"),
    ],
)
def test_a_folder_without_the_pairs_is_told_what_to_hold(
    tmp_path, made, options, words
):
    for name in made:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(InputError, match=words):
        data.load_pairs(tmp_path, **options)


def test_a_single_pair_cannot_be_split(tmp_path):
    with pytest.raises(InputError, match="single image"):
        data.load_pairs(write_sides(tmp_path, "A", "B", count=1))
    with pytest.raises(InputError, match="single image"):
        data.load_pairs(write_halves(tmp_path / "halves", [1]))


def test_an_unpaired_set_of_tfds_is_read_without_tensorflow(tmp_path):
    parts = {
        "trainA": grey_files(1, 2),
        "trainB": grey_files(11, 12, 13),
        "testA": grey_files(5),
        "testB": grey_files(15),
    }
    prepare(tmp_path, parts, (4, 6, 1), labels=[0, 1, 2])
    pairs = data.load_pairs("tiny", data_dir=tmp_path)
    assert (values(pairs.a), values(pairs.b)) == ([1, 2], [11, 12, 13])
    assert not pairs.aligned
    assert pairs.a[0].keys() == {"image"}
    assert values(data.load_pairs("tiny", split="test", data_dir=tmp_path).b) == [15]
    with pytest.raises(InputError, match="no split 'valA'"):
        data.load_pairs("tiny", split="val", data_dir=tmp_path)


def test_an_unprepared_set_of_cyclegan_is_told_the_command(tmp_path):
    with pytest.raises(InputError, match="cycle_gan/maps' is not prepared.*array_rec"):
        data.load_pairs("cycle_gan/maps", data_dir=tmp_path)
    with pytest.raises(InputError, match="nowhere does not exist.*data_dir"):
        data.load_pairs("cycle_gan/maps", data_dir=tmp_path / "nowhere")


@needs_real
def test_facades_are_read_side_by_side():
    pairs = data.load_pairs(REAL / "facades", split="val", direction="b_to_a")
    assert (len(pairs), pairs.a.image_shape, pairs.aligned) == (
        100,
        (256, 256, 3),
        True,
    )
    # The labels are mostly blue, the photographs mostly grey.
    labels, photographs = (
        side.read(np.arange(4))["image"].mean((0, 1, 2)) for side in (pairs.a, pairs.b)
    )
    assert labels[2] > labels[0] + 50
    assert np.ptp(photographs) < 50
    assert data.doubtful_direction(pairs) is None
    assert "direction='b_to_a'" in data.doubtful_direction(pairs.swapped())


@needs_real
def test_monet2photo_is_read_unpaired():
    pairs = data.load_pairs(REAL / "monet2photo", split="test")
    assert (len(pairs.a), len(pairs.b), pairs.aligned) == (30, 60, False)
    assert pairs.a[29]["image"].shape == pairs.b[59]["image"].shape == (256, 256, 3)
