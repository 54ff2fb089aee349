"""The figures of image translation, drawn from files as the experiments write them."""

import json

import numpy as np
import pytest

from experiments.translation_studies import findings
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.metrics.translation_pictures import add_translations
from jaxgen.report import style
from jaxgen.report.gallery import plates
from jaxgen.report.run import read_run
from jaxgen.report.translation import groups, looks, terms
from jaxgen.run_files import read_records
from tests.report.test_figures import drawn, texts

MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "arrays").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "metrics.jsonl").write_text("")
    return tmp_path


def found(folder):
    return {plate.name: plate for plate in plates(read_run(folder))}


def write_rows(folder, rows, name="metrics.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def images(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def test_triples_of_any_size_and_channels_are_drawn(rng, folder):
    """Super-resolution of seven false colours to one channel, none of them square."""
    write_npz(
        folder / "arrays" / "translation_triples.npz",
        inputs=images(rng, 3, 6, 10, 7),
        outputs=images(rng, 3, 12, 20, 1),
        truth=images(rng, 3, 12, 20, 1),
    )
    plate = found(folder)["translation_triples"]
    figure = plate.draw(style.LIGHT)
    drawn(figure)
    assert [t for t in texts(figure) if t][:3] == ["input", "output", "truth"]
    assert "3 groups of three images" in plate.alt


def test_pixels_become_squares_in_a_frame_that_keeps_their_shape(rng):
    small, large = images(rng, 2, 4, 6, 3), images(rng, 2, 40, 40, 1)
    height, width = groups.picture_size([small, large])
    assert (height, width) == (200, 200)
    frame = groups.fitted(small, height, width)
    inside = frame[..., 3] == 255
    assert inside.sum(axis=1).max() == 133
    rows = np.flatnonzero(inside[0, :, 0])
    square = frame[0, rows, ..., :3][2:30, 2:30]
    assert (square == small[0, 0, 0]).all()
    sheet = groups.fitted(large, height, width)
    np.testing.assert_array_equal(sheet[:, ::5, ::5, :1], large)
    # Large ones are averaged, and made no larger than there is room.
    assert groups.picture_size([images(rng, 1, 424, 212, 3)]) == (212, 106)


def test_a_page_has_as_many_groups_in_a_row_as_there_is_room(rng):
    def columns(side, number):
        parts = [images(rng, number, side, side, 3)] * 3
        figure = groups.groups({"": parts}, {"": ["input", "output", "truth"]})
        assert figure.get_size_inches()[0] <= 6.9
        return texts(figure).count("input")

    assert columns(256, 6) == columns(64, 4) == 2
    assert columns(110, 4) == 3
    assert columns(64, 1) == 1


def test_cycles_have_both_directions_and_say_what_is_lost(rng, folder):
    a, b = images(rng, 4, 8, 8, 3), images(rng, 2, 16, 16, 1)
    write_npz(
        folder / "arrays" / "translation_cycles.npz",
        a=a,
        a_to_b=b[[0, 1, 0, 1]],
        a_again=a,
        b=b,
        b_to_a=a[:2],
        b_again=255 - b,
    )
    plate = found(folder)["translation_cycles"]
    away = np.abs(255 - 2 * b.astype(float)).mean() / 255
    assert f"0.000 (a to b) and {away:.3f} (b to a)" in plate.caption
    figure = plate.draw(style.DARK)
    drawn(figure)
    assert {"a to b", "b to a", "input", "output", "cycle"} <= set(texts(figure))


def test_a_damaged_file_is_named(rng, folder):
    a = images(rng, 4, 8, 8, 3)
    parts = dict.fromkeys(("a", "a_to_b", "a_again", "b", "b_to_a", "b_again"), a)
    path = folder / "arrays" / "translation_cycles.npz"
    write_npz(path, **(parts | {"b_again": a[:3]}))
    with pytest.raises(InputError, match="translation_cycles.npz: the array 'b_again'"):
        found(folder)


def test_looks_are_columns_from_input_to_truth(rng, folder):
    a, b = images(rng, 3, 8, 8, 3), images(rng, 3, 8, 8, 1)
    for step in range(1, 41):
        add_translations(
            folder / "arrays" / "translation_looks_a_to_b.npz",
            step=step,
            epoch=step / 4,
            inputs=a,
            outputs=np.full_like(b, step),
            truth=b,
        )
    plate = found(folder)["translation_looks_a_to_b"]
    drawn(figure := plate.draw(style.LIGHT))
    labels = [label for label in texts(figure) if label]
    assert [labels[0], labels[-1]] == ["input", "truth"]
    assert "epoch 0.25" in labels
    assert "epoch 10" in labels
    assert looks.chosen(np.arange(1, 4), 6) == [0, 1, 2]


def record(step, split="a_to_b", **more):
    return {"step": step, "epoch": step / 10, "split": split} | more


def test_the_health_has_a_panel_for_each_reading_with_its_zone(folder):
    rows = [
        record(
            step,
            split,
            inversion=sign * 0.5,
            inversion_threshold=-0.3,
            critic=0.9,
            critic_low=0.8,
            critic_high=0.97,
            critic_threshold=0.95,
            fd=3.0 / step,
            warnings=["inversion"],
        )
        for step in (10, 20, 30)
        for split, sign in (("a_to_b", 1), ("b_to_a", -1))
    ]
    write_rows(folder, rows, "translation.jsonl")
    plate = found(folder)["translation_health"]
    assert "a to b: inversion 0.5000, critic 0.9000; b to a: inversion -0" in plate.alt
    figure = plate.draw(style.LIGHT)
    drawn(figure)
    panels = {axes.get_title("left"): axes for axes in figure.axes}
    assert list(panels) == ["Luminance of output and input", "Critic: share told right"]
    assert {"negatives", "critic wins"} <= set(texts(figure))
    zone = panels["Critic: share told right"].patches[0]
    assert zone.get_y() == pytest.approx(0.95)
    scores = found(folder)["translation_scores"]
    assert scores.alt == (
        "Curves over the epochs, with their last values: FD 0.1000 (a to b), 0.1000 "
        "(b to a)."
    )
    drawn(scores.draw(style.DARK))


def test_a_record_that_was_cut_short_is_left_out(folder):
    write_rows(folder, [record(10, inversion=0.5)], "translation.jsonl")
    with (folder / "translation.jsonl").open("a") as file:
        file.write('{"step": 20, "spl')
    assert [row["step"] for row in read_records(folder / "translation.jsonl")] == [10]
    assert read_records(folder / "monitor.jsonl") == []


def test_terms_stand_under_their_names_and_both_conventions_of_the_sum(folder):
    def train(step, loss):
        names = ("generator_loss", "adversarial_a_to_b", "cycle_a", "identity_b")
        more = {"critic_a_loss": loss / 4, "critic_b_loss": loss / 4}
        row = dict.fromkeys(names, loss) | more | {"critic_sum": loss, "other": 1.0}
        return record(step, "train", critic_a_gradient_norm=2.0, **row)

    tests = {"cycle_a": 0.4, "l1_a_to_b": 0.3}
    write_rows(folder, [train(10, 0.9), train(20, 0.8), record(20, "test", **tests)])
    plate = found(folder)["translation_terms"]
    assert "Sum of critics, no half 0.8000, Sum of critics, with half 0.4000" in (
        plate.alt
    )
    figure = plate.draw(style.LIGHT)
    drawn(figure)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert f"L1, pixels {MINUS}1 to 1" in titles
    assert f"Cycle, pixels {MINUS}1 to 1" in titles
    # Nothing is drawn twice, and what is left is drawn.
    everything = found(folder)
    assert "of Other, for" in everything["losses"].alt
    assert "adversarial" not in everything
    assert "Critic a gradient norm" in everything["health"].alt
    # Where images are no pairs, their distance is not shown.
    (folder / "config.json").write_text('{"aligned": false}')
    assert not any(
        axes.get_title("left").startswith("L1")
        for axes in found(folder)["translation_terms"].draw(style.LIGHT).axes
    )


def test_the_estimate_of_the_critics_loss_has_no_figure_of_its_own(folder):
    logged = {"critic_loss": 0.5, "critic_sum": 1.0, "estimate": 0.4}
    write_rows(folder, [record(10, "train", **logged)])
    assert {"translation_terms"} == found(folder).keys()


def test_a_game_without_a_translation_is_drawn_as_before(folder):
    write_rows(folder, [record(1, "train", critic_loss=1.0, generator_loss=2.0)])
    assert terms.terms(read_run(folder)) is None
    assert "adversarial" in found(folder)


def test_learning_curves_tell_every_number(rng, folder):
    values = np.array([[[0.2, 0.22]], [[0.1, 0.12]]])
    findings.write_shares(
        folder / "arrays",
        names=["pix2pix"],
        shares=[0.1, 1.0],
        pairs=[4, 40],
        values=values,
        mean_image=0.25,
    )
    plate = found(folder)["translation_shares"]
    assert plate.alt == (
        "Learning curves of L1 (pixels 0 to 1): pix2pix 0.2100 at 10%, 0.1100 at 100%."
    )
    figure = plate.draw(style.LIGHT)
    drawn(figure)
    assert {"pix2pix", "10%\n4", "100%\n40", "mean training image"} <= set(
        texts(figure)
    )
    with np.load(folder / "arrays" / "translation_shares.npz") as file:
        low, high = file["intervals"][0, 0, 1:]
    # Student's t of two seeds is 12.7 standard errors, here of 0.01.
    assert (high - low) / 2 == pytest.approx(0.127, rel=1e-2)
    with pytest.raises(InputError, match="2 shares, 1 numbers of pairs and 1 names"):
        findings.write_shares(
            folder, names=["a"], shares=[0.1, 1.0], pairs=[4], values=values
        )
