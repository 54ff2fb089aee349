"""Image files that claim too much, or more bits than are read."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.data import images
from jaxgen.errors import InputError

GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6


def write_png(path, size, bits, kind, row):
    """Writes a PNG of rows that are all the same, as pillow cannot."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    width, height = size
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    rows = zlib.compress((b"\0" + row) * height)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )
    return path


def write_tiff(path, array, *, sample_format=1, photometric=1):
    """Writes a TIFF file, as pillow cannot."""
    height, width, channels = array.shape
    content = array.tobytes()
    bits = 8 * array.itemsize
    place = 8 + len(content)
    entries = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, channels),
        (278, height),
        (279, len(content)),
        (339, sample_format),
    ]
    found = struct.pack("<H", len(entries))
    for tag, value in entries:
        if tag == 258 and channels > 1:
            behind = place + 2 + 12 * len(entries) + 4
            found += struct.pack("<HHII", tag, 3, channels, behind)
        else:
            found += struct.pack("<HHIHH", tag, 3, 1, value, 0)
    found += bytes(4) + struct.pack(f"<{channels}H", *[bits] * channels)
    path.write_bytes(b"II*\0" + struct.pack("<I", place) + content + found)
    return path


@pytest.mark.parametrize("side", [13_000, 30_000])
def test_an_image_is_refused_by_its_number_of_pixels(tmp_path, side):
    path = write_png(tmp_path / "huge.png", (side, 1), 1, GREY, b"")
    # The size stands in the header alone, and no pixel is behind it.
    header = bytearray(path.read_bytes())
    header[20:24] = struct.pack(">I", side)
    header[29:33] = struct.pack(">I", zlib.crc32(header[12:29]))
    for file in (path, tmp_path / "huge2.png"):
        file.write_bytes(header)
    limit = f"{images.MOST_PIXELS:,}"
    words = rf"huge\.png is too large .*at most {limit} pixels; resize it"
    for read in (
        lambda: data.load(tmp_path),
        lambda: data.load_pairs(tmp_path),
        lambda: images.decode(path.read_bytes(), "huge.png", (8, 8, 1), image_size=8),
    ):
        with pytest.raises(InputError, match=words):
            read()


def test_an_image_over_pillows_own_limit_is_read_without_a_warning(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    Image.new("L", (6, 4), 7).save(tmp_path / "0.png")
    header = images.read_header(tmp_path / "0.png", "0.png")
    assert header == (4, 6, True, False)


@pytest.mark.parametrize(
    ("kind", "samples"), [(COLOUR, 3), (GREY_ALPHA, 2), (COLOUR_ALPHA, 4)]
)
def test_colour_of_16_bits_is_refused_with_its_cure(tmp_path, kind, samples):
    for number in range(2):
        row = bytes(range(2 * samples * 4))
        write_png(tmp_path / f"{number}.png", (4, 2), 16, kind, row)
    words = "0.png has colour or transparency of 16 bits"
    with pytest.raises(InputError, match=f"{words} .*: convert it to 8 bits"):
        data.load(tmp_path)
    with pytest.raises(InputError, match=f"{words} .*: save it as a .npy array"):
        data.load_pairs(tmp_path, layout="side_by_side")


def test_colour_of_16_bits_is_refused_in_tiff_and_ppm_too(tmp_path):
    write_tiff(
        tmp_path / "0.tif", np.zeros((2, 4, 3), "<u2"), photometric=2, sample_format=1
    )
    (tmp_path / "0.ppm").write_bytes(b"P6 4 2 65535\n" + bytes(48))
    (tmp_path / "1.ppm").write_bytes(b"P3 1 1 300 0 1 2\n")
    for name in ("0.tif", "0.ppm", "1.ppm"):
        with pytest.raises(InputError, match=f"{name} has colour .* of 16 bits"):
            images.read_header(tmp_path / name, name, deep=True)


def test_colour_of_8_bits_in_the_same_formats_is_read(tmp_path):
    write_tiff(tmp_path / "0.tif", np.zeros((2, 4, 3), np.uint8), photometric=2)
    write_png(tmp_path / "0.png", (4, 2), 8, COLOUR, bytes(12))
    (tmp_path / "0.ppm").write_bytes(b"P6 4 2 255\n" + bytes(24))
    (tmp_path / "1.ppm").write_bytes(b"P6 4 2 100\n" + bytes(24))
    # In 16 bits a pixel, not a channel.
    for name in ("0.tif", "0.png", "0.ppm", "1.ppm"):
        assert images.read_header(tmp_path / name, name) == (2, 4, False, False)


def test_grey_of_16_bits_keeps_its_numbers_or_is_refused(tmp_path):
    pixels = np.array([[0, 1, 258], [40_000, 65_534, 65_535]], "<u2")[..., None]
    path = write_tiff(tmp_path / "0.tif", pixels)
    found = images.decode_deep(path, "0.tif", (2, 3, 1), image_size=None)
    np.testing.assert_array_equal(found, pixels)
    # A PGM says what is white: 1023 here.
    (tmp_path / "0.pgm").write_bytes(b"P5 2 1 1023\n" + b"\x03\xff\x00\x00")
    found = images.decode_deep(tmp_path / "0.pgm", "0.pgm", (1, 2, 1), image_size=None)
    assert found.ravel().tolist() == [65_535, 0]
    for options, array, words in (
        ({"photometric": 0}, pixels, "16 bits, of which 0 is white"),
        ({"sample_format": 2}, pixels.astype("<i2"), "16 bits with a sign"),
        ({"sample_format": 2}, pixels.astype("<i4"), "32 bits with a sign"),
    ):
        write_tiff(path, array, **options)
        with pytest.raises(InputError, match=f"{words}.* save it as a .npy array"):
            images.read_header(path, "0.tif", deep=True)


def test_too_little_memory_is_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "0.png"
    Image.new("L", (6, 4), 7).save(path)

    def fail(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(InputError, match=r"0\.png cannot be read \(MemoryError\)"):
        images.decode(path, "0.png", (4, 6, 1), image_size=None)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_named(tmp_path, make):
    for name, read in (
        ("one.png", lambda path: images.read_header(path, path.name)),
        ("one.npy", images.open_array),
    ):
        path = Path(tmp_path / name)
        make(path)
        with pytest.raises(InputError, match=rf"{name} cannot be read.*it is a "):
            read(path)
