import os
import socket

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.errors import InputError


def write(path, size=(6, 4), mode="L", value=None, **options):
    """Writes an image of (width, height) whose grey value tells it from the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = sum(path.name.encode()) % 256 if value is None else value
    Image.new(mode, size, value if mode == "L" else (value, 0, 255 - value)).save(
        path, **options
    )
    return path


@pytest.fixture
def flat(tmp_path):
    for index in range(23):
        write(tmp_path / f"{index:02}.png", value=index)
    return tmp_path


def grey_values(source):
    return source.in_memory()["image"][:, 0, 0, 0].tolist()


def test_every_tenth_image_is_for_the_test(flat):
    assert grey_values(data.load(flat, split="test")) == [9, 19]
    train = grey_values(data.load(flat))
    assert train == [index for index in range(23) if index not in (9, 19)]
    assert len(data.load(flat, split="train+test")) == 23


def test_a_small_folder_still_has_a_test_image(tmp_path):
    for index in range(3):
        write(tmp_path / f"{index}.png", value=index)
    assert grey_values(data.load(tmp_path, split="test")) == [2]
    assert grey_values(data.load(tmp_path)) == [0, 1]


def test_images_without_classes_have_no_labels(flat):
    source = data.load(flat)
    assert source.class_names is None
    assert source.in_memory().keys() == {"image"}
    assert source.image_shape == (4, 6, 1)


def test_subfolders_are_classes_in_alphabetical_order(tmp_path):
    for name in ("dog", "cat"):
        for index in range(2):
            write(tmp_path / name / f"{index}.png", value=10 * len(name) + index)
    (tmp_path / "empty").mkdir()
    source = data.load(tmp_path, split="train+test")
    assert source.class_names == ("cat", "dog")
    np.testing.assert_array_equal(source.in_memory()["label"], [0, 0, 1, 1])


def test_train_and_test_subfolders_are_the_splits_and_share_the_classes(tmp_path):
    write(tmp_path / "train" / "b" / "1.png", value=1)
    write(tmp_path / "test" / "a" / "2.png", value=2)
    write(tmp_path / "test" / "b" / "3.png", value=3)
    train, test = data.load(tmp_path), data.load(tmp_path, split="test")
    assert train.class_names == test.class_names == ("a", "b")
    assert (train[0]["label"], test[0]["label"], test[1]["label"]) == (1, 0, 1)
    assert (grey_values(train), grey_values(test)) == ([1], [2, 3])


def test_what_is_no_regular_file_is_passed_over(tmp_path):
    for place in ("a", "b"):
        write(tmp_path / place / "1.png", value=1)
        (tmp_path / place / "folder.png").mkdir()
        os.mkfifo(tmp_path / place / "pipe.png")
        (tmp_path / place / "link.png").symlink_to("nothing")
        (tmp_path / place / "loop.png").symlink_to("loop.png")
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(tmp_path / place / "socket.png"))
    assert grey_values(data.load(tmp_path, split="train+test")) == [1, 1]
    write(tmp_path / "a" / "2.png", value=2)
    (tmp_path / "a" / "linked.png").symlink_to("2.png")
    flat = data.load(tmp_path / "a", split="train+test")
    assert grey_values(flat) == [1, 2, 2]


def test_a_named_pipe_as_the_folder_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for load in (data.load, data.load_pairs):
        with pytest.raises(InputError, match="pipe is no folder"):
            load(tmp_path / "pipe")


def test_one_colour_image_makes_the_set_rgb(flat):
    write(flat / "22.png", mode="RGB", value=200)
    source = data.load(flat)
    assert source.image_shape == (4, 6, 3)
    np.testing.assert_array_equal(source[-1]["image"][0, 0], [200, 0, 55])
    np.testing.assert_array_equal(source[1]["image"][0, 0], [1, 1, 1])


def test_transparency_is_laid_over_white(flat):
    Image.new("RGBA", (6, 4), (0, 0, 0, 0)).save(flat / "00.png")
    np.testing.assert_array_equal(data.load(flat)[0]["image"][0, 0], [255] * 3)


def test_the_orientation_of_the_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for index in range(2):
        write(tmp_path / f"{index}.jpg", size=(6, 4), exif=exif)
    source = data.load(tmp_path)
    assert source.image_shape == source[0]["image"].shape == (6, 4, 1)


def test_image_size_resizes_the_short_side_and_crops_the_centre(tmp_path):
    # A white square between black bars, in two sizes.
    for scale in (1, 3):
        array = np.zeros((8 * scale, 24 * scale), np.uint8)
        array[:, 8 * scale : 16 * scale] = 255
        Image.fromarray(array).save(tmp_path / f"{scale}.png")
    image = data.load(tmp_path, split="train+test", image_size=8).in_memory()["image"]
    # The filter looks a little over the edge of the crop.
    assert image.shape == (2, 8, 8, 1)
    assert image.min() > 230


def test_files_that_are_no_images_are_passed_over(flat):
    (flat / "notes.txt").write_text("not an image")
    (flat / "._00.png").write_text("what a Mac leaves behind")
    assert len(data.load(flat)) == 21


def test_a_truncated_image_is_named_in_memory_and_streamed(tmp_path, key):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    for index in range(4):
        Image.fromarray(noise).save(tmp_path / f"{index}.jpg")
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])
    source = data.load(tmp_path)
    with pytest.raises(InputError, match=r"1\.jpg cannot be read \(.*truncated"):
        source.in_memory()
    streamed = data.pipeline(source, batch_size=3, key=key, train=True, resident=False)
    for _ in range(2):
        with pytest.raises(InputError, match=r"1\.jpg cannot be read"):
            streamed.feed(0, 1)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_only_looks_like_an_image_is_named_at_once(flat, content):
    (flat / "03.png").write_bytes(content)
    with pytest.raises(InputError, match=r"03\.png cannot be read"):
        data.load(flat)


def test_an_image_of_another_size_is_named_with_both_sizes(flat):
    write(flat / "05.png", size=(7, 4))
    with pytest.raises(InputError, match=r"05\.png is 7x4.*expected 6x4.*image_size"):
        data.load(flat)


def test_an_image_changed_after_loading_is_named(flat):
    source = data.load(flat)
    write(flat / "05.png", size=(7, 4))
    with pytest.raises(InputError, match=r"05\.png is 7x4.*expected 6x4"):
        source[5]


def test_sixteen_bit_images_are_refused(flat):
    Image.fromarray(np.full((4, 6), 40_000, np.uint16)).save(flat / "05.png")
    with pytest.raises(InputError, match=r"05\.png.*mode 'I;16'.*expected 8 bits"):
        data.load(flat)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no images: expected.*\.png"):
        data.load(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        data.load(tmp_path / "nowhere")


def test_a_missing_split_is_refused(tmp_path):
    write(tmp_path / "train" / "1.png")
    with pytest.raises(InputError, match="no subfolder 'test'"):
        data.load(tmp_path, split="test")


def test_a_single_image_cannot_be_split(tmp_path):
    write(tmp_path / "1.png")
    with pytest.raises(InputError, match="single image"):
        data.load(tmp_path)


def test_images_beside_class_subfolders_are_refused(flat):
    write(flat / "cat" / "1.png")
    with pytest.raises(InputError, match=r"images beside subfolders of images \(cat\)"):
        data.load(flat)


def test_two_domains_are_not_two_classes(tmp_path):
    for domain in ("trainA", "trainB"):
        write(tmp_path / domain / "1.png")
    with pytest.raises(InputError, match="two domains.*give one of its subfolders"):
        data.load(tmp_path)


def test_splits_of_different_shape_are_not_joined(tmp_path):
    write(tmp_path / "train" / "1.png", size=(6, 4))
    write(tmp_path / "test" / "1.png", size=(5, 4))
    with pytest.raises(InputError, match=r"\(4, 6, 1\).*\(4, 5, 1\).*image_size"):
        data.load(tmp_path, split="train+test")


def test_a_folder_streams_what_it_holds(flat, key):
    source = data.load(flat)
    batches = [
        data.pipeline(source, batch_size=4, key=key, train=True, resident=resident)
        for resident in (True, False)
    ]
    images = []
    for pipeline in batches:
        item = jax.tree.map(lambda leaf: leaf[0], pipeline.feed(3, 1))
        images.append(pipeline.batch(pipeline.resident, item, 3)["image"])
    np.testing.assert_array_equal(*images)
