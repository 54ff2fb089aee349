import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import translate
from experiments.translate import Config
from experiments.translation_studies import picture_files, runs
from experiments.translation_studies.runs import Loaded
from jaxgen import random, run
from jaxgen.errors import InputError


class Net:
    """Turns brightness around, and counts what is compiled."""

    def __init__(self, channels=(3, 3), noise=0.0, multiple=4):
        self.traces = []

        @jax.jit
        def translated(key, images):
            self.traces.append(images.shape)
            count, height, width, _ = images.shape
            assert height % multiple == 0
            assert width % multiple == 0
            made = 1 - images[..., : channels[1]]
            if key is not None:
                keys = random.example_keys(key, count)
                made += noise * jax.vmap(jax.random.uniform)(keys)[:, None, None, None]
            repeats = channels[1] // made.shape[-1]
            return jnp.concatenate([made] * repeats, axis=-1)

        self.loaded = Loaded(
            lambda key, images: translated(key, images),
            channels,
            (64, 64),
            multiple,
            multiple,
            "a plain function",
        )


@pytest.fixture
def use(monkeypatch):
    def put(net):
        monkeypatch.setattr(
            runs,
            "load_translator",
            lambda *args, dropout, **options: net.loaded._replace(
                dropout=dropout != "no"
            ),
        )
        return net

    return put


def draw(path, size=(12, 8), mode="RGB", seed=0, **options):
    """Writes a picture of noise; returns its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(mode) if mode.startswith("RGB") else 1
    shape = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
    most = 2**16 if mode == "I;16" else 256
    kind = np.uint16 if mode == "I;16" else np.uint8
    pixels = np.random.default_rng(seed).integers(0, most, shape).astype(kind)
    Image.fromarray(pixels).save(path, **options)
    return pixels


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def translated(tmp_path, **options):
    return translate.main(
        Config(Path("model"), tmp_path / "in", tmp_path / "out", **options)
    )


def names_of(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_a_folder_is_translated_with_its_names_and_subfolders(use, tmp_path):
    use(Net())
    one = draw(tmp_path / "in" / "one.bmp")
    two = draw(tmp_path / "in" / "deep" / "two.png", size=(7, 9))
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    draw(tmp_path / "in" / ".hidden" / "three.png")
    found = translated(tmp_path)
    assert names_of(tmp_path / "out") == ["deep/two.png", "one.png"]
    assert sorted(found["written"]) == [
        str(tmp_path / "out" / name) for name in ("deep/two.png", "one.png")
    ]
    np.testing.assert_array_equal(pixels_of(tmp_path / "out" / "one.png"), 255 - one)
    deep = pixels_of(tmp_path / "out" / "deep" / "two.png")
    np.testing.assert_array_equal(deep, 255 - two)


def test_one_picture_and_a_folder_in_itself_are_translated(use, tmp_path):
    use(Net())
    whole = draw(tmp_path / "in" / "one.png")
    single = Config(Path("model"), tmp_path / "in" / "one.png", tmp_path / "in" / "new")
    translate.main(single)
    np.testing.assert_array_equal(pixels_of(tmp_path / "in/new/one.png"), 255 - whole)
    # The folder of the output is not translated again.
    again = Config(
        Path("model"), tmp_path / "in", tmp_path / "in" / "new", overwrite=True
    )
    translate.main(again)
    assert names_of(tmp_path / "in") == ["new/one.png", "one.png"]


def test_tiles_of_all_pictures_are_one_program_and_leave_no_seam(use, tmp_path):
    net = use(Net())
    sizes = [(70, 41), (16, 16), (5, 90), (100, 33)]
    drawn = [
        draw(tmp_path / "in" / f"{i}.png", size=size) for i, size in enumerate(sizes)
    ]
    translated(tmp_path, tile=16, overlap=6, batch_size=3)
    assert net.traces == [(3, 16, 16, 3)]
    for number, pixels in enumerate(drawn):
        made = pixels_of(tmp_path / "out" / f"{number}.png")
        np.testing.assert_array_equal(made, 255 - pixels)


def test_large_pictures_are_cut_by_default_and_small_ones_are_not(use, monkeypatch):
    monkeypatch.setattr(translate, "WHOLE", 100 * 100)
    loaded = use(Net(multiple=48)).loaded
    config = Config(Path("m"), Path("i"), Path("o"))
    assert translate.tile_of(config, loaded, 100, 100) == 0
    assert translate.tile_of(config, loaded, 101, 100) == 288  # 6 * 48 >= 256
    whole = Config(Path("m"), Path("i"), Path("o"), tile=0)
    assert translate.tile_of(whole, loaded, 1000, 1000) == 0


def test_noise_depends_on_seed_and_name_alone(use, tmp_path):
    use(Net(noise=0.5))
    for name in ("a", "b"):
        draw(tmp_path / "in" / f"{name}.png", size=(40, 16))
    options = {"tile": 16, "overlap": 4}

    def made(folder, source, **more):
        out = tmp_path / folder
        translate.main(Config(Path("model"), source, out, **options, **more))
        return pixels_of(out / "b.png").astype(int)

    both = made("both", tmp_path / "in")
    alone = made("alone", tmp_path / "in" / "b.png")
    np.testing.assert_array_equal(both, alone)
    assert (both != pixels_of(tmp_path / "both" / "a.png")).any()
    assert (both != made("other", tmp_path / "in", seed=1)).any()
    silent = made("silent", tmp_path / "in", dropout="no")
    np.testing.assert_array_equal(silent, 255 - pixels_of(tmp_path / "in" / "b.png"))
    # One draw a tile, and another one for the next.
    left, right = (
        (both - silent)[:, part][silent[:, part] < 100]
        for part in (slice(0, 8), slice(-8, None))
    )
    assert max(np.ptp(left), np.ptp(right)) <= 1
    assert abs(left.mean() - right.mean()) > 5


def test_nothing_is_overwritten_unless_asked_for(use, tmp_path):
    use(Net())
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "b.png", seed=1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"out/a\.png is there: .*--skip-existing"):
        translated(tmp_path)
    assert names_of(tmp_path / "out") == ["a.png"]
    translated(tmp_path, skip_existing=True)
    assert (tmp_path / "out" / "a.png").read_bytes() == b"mine"
    assert names_of(tmp_path / "out") == ["a.png", "b.png"]
    with pytest.raises(InputError, match=r"a\.png and 1 more are there"):
        translated(tmp_path)
    translated(tmp_path, overwrite=True)
    assert pixels_of(tmp_path / "out" / "a.png").shape == (8, 12, 3)


@pytest.mark.parametrize(
    ("mode", "channels", "expected"),
    [
        ("L", (1, 1), np.uint8),
        ("I;16", (1, 1), np.uint16),
        ("L", (3, 3), np.uint8),
        ("L", (1, 3), np.uint8),
        ("I;16", (1, 3), np.uint8),
    ],
)
def test_bits_and_channels_are_kept(use, tmp_path, mode, channels, expected):
    use(Net(channels=channels))
    pixels = draw(tmp_path / "in" / "a.png", mode=mode)
    translated(tmp_path)
    made = pixels_of(tmp_path / "out" / "a.png")
    assert made.dtype == expected
    top = np.iinfo(pixels.dtype).max
    inverse = (top - pixels.astype(float)) * (np.iinfo(expected).max / top)
    if channels[1] == 3:
        inverse = np.repeat(inverse[:, :, np.newaxis], 3, axis=-1)
    np.testing.assert_array_equal(made, np.rint(inverse))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_an_array_stays_an_array_of_its_kind(use, tmp_path, kind):
    use(Net(channels=(5, 5)))
    drawn = np.random.default_rng(0).random((8, 12, 5)).astype(np.float32)
    top = 1 if kind == np.float32 else np.iinfo(kind).max
    array = (drawn * np.float64(top)).astype(kind)
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", array)
    translated(tmp_path, suffix=".npy")
    made = np.load(tmp_path / "out" / "a.npy")
    assert made.dtype == kind
    np.testing.assert_allclose(made, top - array, atol=1e-6)


def test_transparency_is_laid_over_white_or_kept(use, tmp_path):
    use(Net())
    pixels = draw(tmp_path / "in" / "a.png", mode="RGBA")
    translated(tmp_path, alpha=True)
    kept = pixels_of(tmp_path / "out" / "a.png")
    np.testing.assert_array_equal(kept[..., 3], pixels[..., 3])
    np.testing.assert_array_equal(kept[..., :3], 255 - pixels[..., :3])
    translated(tmp_path, overwrite=True)
    laid = pixels_of(tmp_path / "out" / "a.png")
    opacity = pixels[..., 3:] / 255
    white = 255 * (1 - opacity) + opacity * pixels[..., :3]
    np.testing.assert_allclose(laid, 255 - white, atol=1)


def test_the_orientation_of_the_camera_is_applied_and_sizes_are_changed_before(
    use, tmp_path
):
    use(Net())
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(tmp_path / "in" / "a.jpg", size=(40, 20), exif=exif)
    translated(tmp_path, size=10)
    assert pixels_of(tmp_path / "out" / "a.png").shape == (20, 10, 3)


def test_a_constant_picture_is_resized_to_itself():
    values = np.full((9, 5, 2), 0.25, np.float32)
    made = picture_files.resize(values, 10)
    assert made.shape == (18, 10, 2)
    np.testing.assert_allclose(made, 0.25, atol=1e-6)


def damaged(path):
    draw(path, size=(64, 64))
    path.write_bytes(path.read_bytes()[:3000])


def test_a_damaged_picture_stops_it_or_is_named_in_the_end(use, tmp_path, capsys):
    use(Net())
    draw(tmp_path / "in" / "a.png")
    damaged(tmp_path / "in" / "b.png")  # its header is whole
    draw(tmp_path / "in" / "c.png")
    with pytest.raises(InputError, match=r"b\.png cannot be read.* 1 pictures are wri"):
        translated(tmp_path)
    assert names_of(tmp_path / "out") == ["a.png"]
    (tmp_path / "in" / "d.png").write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"d\.png cannot be read.*Nothing was written"):
        translated(tmp_path, skip_existing=True)
    # All that can be is done, and then the status tells that not all was.
    words = r"2 of 3 pictures were left out: .*d\.png cannot .*b\.png cannot"
    with pytest.raises(InputError, match=words):
        translated(tmp_path, skip_existing=True, keep_going=True)
    assert names_of(tmp_path / "out") == ["a.png", "c.png"]
    assert "1 translated by a plain function" in capsys.readouterr().out


def test_a_full_disk_is_one_sentence_and_what_is_written_stays(
    use, tmp_path, monkeypatch
):
    use(Net())
    for name in "abc":
        draw(tmp_path / "in" / f"{name}.png")
    whole, count = picture_files.files.write_whole, []

    def fill_up(path, content):
        count.append(path)
        if len(count) == 3:
            raise OSError(28, os.strerror(28))
        whole(path, content)

    monkeypatch.setattr(picture_files.files, "write_whole", fill_up)
    words = r"c\.png cannot be written \(the disk is full\)\. 2 pictures are written"
    with pytest.raises(InputError, match=words):
        translated(tmp_path)
    assert names_of(tmp_path / "out") == ["a.png", "b.png"]


def test_the_sheet_holds_pairs(use, tmp_path):
    use(Net())
    for name in "ab":
        Image.new("RGB", (30, 10), (200, 0, 0)).save(
            (tmp_path / "in").mkdir(exist_ok=True) or tmp_path / "in" / f"{name}.png"
        )
    translated(tmp_path, sheet=True)
    sheet = pixels_of(tmp_path / "out" / "contact.png")
    assert sheet.shape == (192, 4 * 196 - 4, 4)
    assert sheet[96, 96].tolist() == [200, 0, 0, 255]
    assert sheet[96, 196 + 96].tolist() == [55, 255, 255, 255]
    assert sheet[5, 96].tolist() == [255, 255, 255, 255]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"suffix": ".gif"}, "--suffix is '.gif': give one of .png"),
        ({"suffix": ".jpg", "alpha": True}, "--alpha keeps .* no .jpg"),
        ({"tile": 8, "overlap": 8}, "--overlap is 8, but tiles have 8"),
        ({"batch_size": 0}, "--batch-size=0"),
        ({"overwrite": True, "skip_existing": True}, "choose one"),
        ({"tile": 34}, "--tile is 34: .*multiples of 4"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything(
    use, tmp_path, options, words
):
    use(Net())
    draw(tmp_path / "in" / "a.png")
    with pytest.raises(InputError, match=words):
        translated(tmp_path, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("channels", "mode", "words"),
    [
        ((1, 1), "RGB", "has 3 channels, and the model .* on 1: make it grey"),
        ((2, 2), "L", "has 1 channels, and the model .* on 2: convert it"),
        ((3, 5), "RGB", r"makes images of 5 channels, .*--suffix \.npy"),
    ],
)
def test_channels_that_do_not_fit_are_named(use, tmp_path, channels, mode, words):
    use(Net(channels=channels))
    draw(tmp_path / "in" / "a.png", mode=mode)
    with pytest.raises(InputError, match=words):
        translated(tmp_path, suffix=".npy" if channels == (2, 2) else ".png")


def test_inputs_and_outputs_that_cannot_be_are_named(use, tmp_path):
    use(Net())
    with pytest.raises(InputError, match="in does not exist"):
        translated(tmp_path)
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        translated(tmp_path)
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "a.bmp")
    with pytest.raises(InputError, match=r"a\.bmp and .*a\.png would both become"):
        translated(tmp_path)
    (tmp_path / "in" / "a.bmp").unlink()
    same = Config(Path("m"), tmp_path / "in", tmp_path / "in", overwrite=True)
    with pytest.raises(InputError, match=r"in/a\.png is one of the pictures"):
        translate.main(same)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out cannot be written to"):
        translated(tmp_path)


def test_a_model_that_makes_no_numbers_or_needs_more_memory_is_a_sentence(
    use, tmp_path
):
    net = use(Net())
    draw(tmp_path / "in" / "a.png")

    def nothing(key, images):
        return images * np.nan

    def much(key, images):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    for function, words in (
        (nothing, "not finite"),
        (much, "too little memory for 1 x 12x8 pixels .*--tile"),
    ):
        net.loaded = net.loaded._replace(translate=function)
        use(net)
        with pytest.raises(InputError, match=words):
            translated(tmp_path)


def test_the_command_line_exits_with_a_sentence(use, tmp_path, monkeypatch, capsys):
    use(Net())
    where = [str(tmp_path / name) for name in ("model", "in", "out")]
    monkeypatch.setattr("sys.argv", ["translate", *where, "--tile", "64"])
    with pytest.raises(SystemExit) as stop:
        run.command_line(translate.main, Config, translate.__doc__)
    assert stop.value.code == 2
    assert "in does not exist" in capsys.readouterr().err
