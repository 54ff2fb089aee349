"""The figures of image translation, from arrays and from records."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.translation_studies import findings
from jaxgen.errors import InputError
from jaxgen.report import pictures, style, translation
from jaxgen.report.gallery import plates
from jaxgen.report.records import record_figures
from jaxgen.report.run import read_run
from jaxgen.report.translation import channels, images, terms
from jaxgen.run_files import read_records
from tests.report.drawings import drawn, texts

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
    run = read_run(folder)
    return {plate.name: plate for plate in plates(run)} | record_figures(run)


def write_rows(folder, rows, name="metrics.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def pixels(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def test_triples_of_any_size_and_channels_are_drawn(rng):
    """Super-resolution of seven false colours to one channel, none of them square."""
    figure = translation.triples(
        pixels(rng, 3, 6, 10, 7), pixels(rng, 3, 12, 20, 1), pixels(rng, 3, 12, 20, 1)
    )
    assert [t for t in texts(figure.draw()) if t][:3] == ["input", "output", "truth"]
    assert "3 groups of three images" in figure.alt
    assert list(figure.panels[""]) == ["input", "output", "truth"]


def test_each_channel_of_many_has_a_colour_of_its_own(rng):
    one = pixels(rng, 2, 4, 4, 1)
    for count in (1, 3, 4):
        shown = channels.viewable(one.repeat(count, axis=-1))
        np.testing.assert_array_equal(shown, one.repeat(min(count, 3), axis=-1))
    alone = np.zeros((5, 1, 1, 5), np.uint8)
    alone[range(5), ..., range(5)] = 255
    colours = channels.viewable(alone).reshape(5, 3)
    assert len(np.unique(colours, axis=0)) == 5
    # Two that are on are mixed, each in proportion.
    both = channels.viewable(alone[:1] // 2 + alone[1:2] // 2).ravel()
    np.testing.assert_allclose(both, colours[:2].mean(axis=0), atol=1.5)


def test_pixels_become_squares_in_a_frame_that_keeps_their_shape(rng):
    small, large = pixels(rng, 2, 4, 6, 3), pixels(rng, 2, 40, 40, 1)
    height, width = pictures.picture_size([small, large])
    assert (height, width) == (200, 200)
    frame = pictures.fitted(small, height, width)
    inside = frame[..., 3] == 255
    assert inside.sum(axis=1).max() == 133
    rows = np.flatnonzero(inside[0, :, 0])
    square = frame[0, rows, ..., :3][2:30, 2:30]
    assert (square == small[0, 0, 0]).all()
    sheet = pictures.fitted(large, height, width)
    np.testing.assert_array_equal(sheet[:, ::5, ::5, :1], large)
    # Large ones are averaged, and made no larger than there is room.
    assert pictures.picture_size([pixels(rng, 1, 424, 212, 3)]) == (212, 106)


def test_cycles_have_both_directions_and_say_what_is_lost(rng):
    a, b = pixels(rng, 4, 8, 8, 3), pixels(rng, 2, 16, 16, 1)
    figure = translation.cycles(
        {"a_to_b": (a, b[[0, 1, 0, 1]], a), "b_to_a": (b, a[:2], 255 - b)}
    )
    away = np.abs(255 - 2 * b.astype(float)).mean() / 255
    assert f"0.000 (a to b) and {away:.3f} (b to a)" in figure.caption
    assert figure.alt.endswith("4 from a to b, 2 from b to a.")
    labels = set(texts(figure.draw(style.DARK)))
    assert {"a to b", "b to a", "input", "output", "cycle"} <= labels
    np.testing.assert_array_equal(figure.panels["b to a"]["cycle"], 255 - b)
    with pytest.raises(InputError, match="inputs of a_to_b have shape .* same shape"):
        translation.cycles({"a_to_b": (a, b, a[:3])})


def history(rng, steps=40):
    step = np.arange(1, steps + 1)
    outputs = np.broadcast_to(
        step.astype(np.uint8)[:, None, None, None, None], (steps, 3, 8, 8, 1)
    )
    inputs, truth = pixels(rng, 3, 8, 8, 3), pixels(rng, 3, 8, 8, 1)
    return {
        **{"step": step, "epoch": step / 4, "inputs": inputs},
        **{"outputs": outputs, "truth": truth},
    }


def test_looks_are_columns_from_input_to_truth_and_end_with_the_last(rng):
    arrays = history(rng)
    figure = translation.over_training("a_to_b", **arrays)
    columns = figure.panels[""]
    names = list(columns)
    assert [names[0], names[1], names[-2]] == ["input", "epoch 0.25", "epoch 10"]
    assert names[-1] == "truth"
    assert (columns["epoch 10"] == 40).all()
    np.testing.assert_array_equal(columns["truth"], arrays["truth"])
    assert figure.title.endswith("goes on, a to b")
    drawn(figure.draw())
    assert images.chosen_steps(np.arange(1, 4)) == [0, 1, 2]
    with pytest.raises(InputError, match="growing numbers above 0"):
        translation.over_training("a_to_b", **(arrays | {"step": np.ones(40)}))
    with pytest.raises(InputError, match="as many of each"):
        translation.over_training("a_to_b", **(arrays | {"epoch": np.ones(39)}))


def test_held_out_figures_are_those_that_there_are_arrays_for(rng):
    a, b = pixels(rng, 4, 8, 8, 3), pixels(rng, 4, 8, 8, 1)
    there = SimpleNamespace(inputs=a, outputs=b, truth=255 - b, cycle=255 - a)
    back = SimpleNamespace(inputs=b, outputs=a, truth=None, cycle=b)
    figures = translation.held_out_figures(
        {"a_to_b": there, "b_to_a": back},
        {"a_to_b": history(rng), "b_to_a": history(rng, steps=1)},
    )
    assert list(figures) == [
        "translation_triples",
        "translation_cycles",
        "translation_looks_a_to_b",
    ]
    shown = figures["translation_triples"].panels[""]
    for name, images_of in {"input": a, "output": b, "truth": 255 - b}.items():
        np.testing.assert_array_equal(shown[name], images_of)
    cycles = figures["translation_cycles"].panels
    np.testing.assert_array_equal(cycles["a to b"]["cycle"], 255 - a)
    np.testing.assert_array_equal(cycles["b to a"]["output"], a)
    alone = SimpleNamespace(inputs=a, outputs=b, truth=None, cycle=None)
    assert list(translation.held_out_figures({"a_to_b": alone}, {})) == [
        "translation_pairs"
    ]


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
    figure = found(folder)["translation_health"]
    assert "a to b: inversion 0.5000, critic 0.9000; b to a: inversion -0" in figure.alt
    drawing = figure.draw()
    drawn(drawing)
    assert list(figure.panels) == [
        "Luminance of output and input",
        "Critic: share told right",
    ]
    assert {"negatives", "critic wins"} <= set(texts(drawing))
    critic = figure.panels["Critic: share told right"]
    assert (critic.zone.threshold, critic.zone.above) == (0.95, True)
    assert critic.curves["b to a"].low.tolist() == [0.8] * 3
    assert critic.curves["b to a"].high.tolist() == [0.97] * 3
    luminance = figure.panels["Luminance of output and input"]
    assert not luminance.zone.above
    assert luminance.curves["b to a"].y.tolist() == [-0.5] * 3
    scores = found(folder)["translation_scores"]
    assert scores.alt == (
        "Curves over the epochs, with their last values: FD 0.1000 (a to b), 0.1000 "
        "(b to a)."
    )
    drawn(scores.draw(style.DARK))


def test_the_health_of_one_direction_has_what_is_expected_dotted(folder):
    rows = [
        record(step, collapse=0.5, collapse_expected=0.9, collapse_threshold=0.2)
        for step in (10, 20)
    ]
    write_rows(folder, rows, "translation.jsonl")
    figure = found(folder)["translation_health"]
    (panel,) = figure.panels.values()
    assert list(panel.curves) == ["a to b", "a to b, expected"]
    assert set(figure.tones.values()) == {"train"}
    assert panel.curves["a to b, expected"].y.tolist() == [0.9, 0.9]
    drawn(figure.draw())


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
    figure = found(folder)["translation_terms"]
    assert "Sum of critics, no half 0.8000, Sum of critics, with half 0.4000" in (
        figure.alt
    )
    drawn(figure.draw())
    titles = list(figure.panels)
    assert f"L1, pixels {MINUS}1 to 1" in titles
    assert f"Cycle, pixels {MINUS}1 to 1" in titles
    cycle = figure.panels[f"Cycle, pixels {MINUS}1 to 1"].curves
    assert (cycle["a"].y[-1], cycle["a, held out"].y[-1]) == (0.8, 0.4)
    assert figure.tones["a"] == figure.tones["a, held out"]
    # Nothing is drawn twice, and what is left is drawn.
    everything = found(folder)
    assert "of Other, for" in everything["losses"].alt
    assert "adversarial" not in everything
    assert "Critic a gradient norm" in everything["health"].alt
    # Where images are no pairs, their distance is not shown.
    (folder / "config.json").write_text('{"aligned": false}')
    titles = found(folder)["translation_terms"].panels
    assert not any(title.startswith("L1") for title in titles)


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
