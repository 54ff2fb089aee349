"""Tables of images: no pixel is lost, every image stands under its own name."""

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import ImageTable, Plane, style
from tests.report.drawings import dots, images, texts

WORDS = ("Title", "Caption.", "Alt.")
LAYOUTS = ("squares", "rows", "columns", "groups")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def grey(value, number=2, side=4):
    return np.full([number, side, side, 1], value, np.uint8)


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK])
def test_an_image_keeps_every_pixel(rng, theme):
    """Each pixel becomes a square of dots of one colour: nothing is resampled."""
    batch = images(rng, 4, 8, 8, 3)
    sheet = dots(ImageTable(*WORDS, {"": {"": batch}}).png(theme))
    factor = 1180 // 2 // 8
    edge = 8 * factor
    first = sheet[16 : 16 + edge, 16 : 16 + edge]
    np.testing.assert_array_equal(
        first, batch[0].repeat(factor, axis=0).repeat(factor, axis=1)
    )


def test_the_quick_way_to_a_file_is_what_matplotlib_draws(rng):
    figure = ImageTable(*WORDS, {"": {"one": images(rng, 4, 8, 8, 3)}})
    np.testing.assert_array_equal(dots(figure.png()), dots(style.png(figure.draw())))


def test_pairs_touch():
    parts = {"input": grey(60, 50), "output": grey(180, 50)}
    sheet = dots(ImageTable(*WORDS, {"": parts}, layout="groups").png())[..., 0]
    row = sheet[len(sheet) // 2 + 30]
    assert ((row[:-1] == 60) & (row[1:] == 180)).sum() == 5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_image_stands_at_its_name(layout):
    shades = {"dark": 40, "middle": 120, "bright": 200}
    parts = {name: grey(value) for name, value in shades.items()}
    figure = ImageTable(*WORDS, {"first": parts, "then": parts}, layout=layout).draw()
    sheet = np.asarray(figure.axes[0].get_images()[0].get_array())
    found = 0
    for text in figure.axes[0].texts:
        if text.get_text() in shades:
            x, y = (int(edge) for edge in text.xy)
            assert sheet[y + 3, x + 3, 0] == shades[text.get_text()]
            found += 1
    assert found >= 6
    assert {"first", "then"} <= set(texts(figure))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_cover_neither_each_other_nor_images(layout):
    parts = {name: grey(100, 20) for name in ("input", "a longer name", "another one")}
    figure = ImageTable(*WORDS, {"above": parts, "below": parts}, layout=layout).draw()
    figure.draw_without_rendering()
    axes, window = figure.axes[0], figure.get_window_extent()
    sheet = np.asarray(axes.get_images()[0].get_array())
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    for index, box in enumerate(boxes):
        assert window.x0 <= box.x0
        assert box.x1 <= window.x1
        assert window.y0 <= box.y0
        assert box.y1 <= window.y1
        assert not any(box.overlaps(other) for other in boxes[:index])
        corners = axes.transData.inverted().transform([box.p0, box.p1])
        (left, bottom), (right, top) = np.clip(corners, 0, None).astype(int)
        assert not sheet[top:bottom, left:right, 3].any()


def test_images_of_several_sizes_are_drawn_in_one(rng):
    parts = {"input": images(rng, 3, 8, 8, 1), "output": images(rng, 3, 16, 12, 3)}
    figure = ImageTable(*WORDS, {"": parts}, layout="groups")
    assert dots(figure.png()).std() > 10


def test_large_images_are_made_smaller(rng):
    figure = ImageTable(*WORDS, {"": {"": images(rng, 9, 700, 500, 3)}}).draw()
    assert figure.get_size_inches().max() < 10


def test_names_wider_than_an_image_stand_above_all():
    names = ("input", "a plain VAE", "a conditional VAE")
    parts = {name: grey(100, 30) for name in names}
    said = texts(ImageTable(*WORDS, {"": parts}, layout="groups").draw())
    assert {"A", "B", "A: a plain VAE   B: a conditional VAE"} <= set(said)


def test_names_across_lean_where_they_are_long():
    parts = {"one": grey(9, 12), "two": grey(9, 12)}
    long = tuple(f"a class of a long name {n}" for n in range(12))
    figure = ImageTable(*WORDS, {"": parts}, layout="rows", across=long).draw()
    own = [text for text in figure.axes[0].texts if text.get_text() in long]
    assert len(own) == 12
    assert all(text.get_rotation() > 0 for text in own)


PLANE = Plane(np.arange(2.0), -np.arange(3.0), "x", "y")


@pytest.mark.parametrize(
    ("panels", "more", "words"),
    [
        ({}, {}, "panels by title"),
        ({"": {}}, {}, "no images by name"),
        ({"": {"": np.zeros([2, 3, 3, 2], np.uint8)}}, {}, "cannot be drawn"),
        ({"": {"": np.zeros([2, 3, 3, 1])}}, {}, "float64, which cannot be drawn"),
        ({"": {"": grey(1)[0]}}, {}, "cannot be drawn"),
        ({"": {"a": grey(1, 4), "b": grey(1, 2)}}, {}, "as many of each"),
        ({"": {"a": grey(1), "": grey(1)}}, {}, "empty name"),
        ({"": {"a": grey(1)}}, {"layout": "rows", "across": ("x",)}, "for 1 names"),
        ({"": {"": grey(1)}}, {"across": ("x", "y")}, "has no place in squares"),
        ({"": {"": grey(1, 5)}}, {"plane": PLANE}, "2 by 3 needs 6"),
        ({"": {"": grey(1)}}, {"layout": "heaps"}, "'heaps'"),
    ],
)
def test_what_does_not_belong_together_is_refused(panels, more, words):
    with pytest.raises(InputError, match=words):
        ImageTable(*WORDS, panels, **more)


@pytest.mark.parametrize("place", range(3))
def test_a_figure_without_words_is_refused(place):
    words = list(WORDS)
    words[place] = " "
    with pytest.raises(InputError, match="a text was expected"):
        ImageTable(*words, {"": {"": grey(1)}})
