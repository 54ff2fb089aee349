"""The figures of mode collapse: what is drawn is what was counted."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from jaxgen.report import style
from jaxgen.report.gan import mode_plates, modes
from jaxgen.report.run import read_run

NAMES = ["plain GAN", "pac(2)"]
STEP = np.array([10, 20, 30])


@pytest.fixture
def run(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "arrays").mkdir()
    (tmp_path / "config.json").write_text(json.dumps({"records": False}))
    samples = rng.normal(0, 0.2, (2, 3, 20, 2)).astype(np.float32)
    samples[0, 1] = np.nan  # a seed that diverged has nothing to draw
    real = rng.normal(0, 1, (20, 2))
    save = tmp_path / "arrays"
    np.savez(
        save / "mode_samples.npz",
        **{"names": NAMES, "step": STEP, "samples": samples, "real": real},
    )
    captured = np.array([[[0, 1], [1, 1], [1, 3]], [[4, 4], [8, 7], [8, 8]]])
    interval = np.array([[2.0, 0.0, 8.0], [8.0, 8.0, 8.0]])
    np.savez(
        save / "mode_table.npz",
        **{"names": NAMES, "step": STEP, "modes": 8, "captured": captured},
        high_quality=captured / 8,
        captured_interval=interval,
        high_quality_interval=interval / 8,
        full_interval=np.array([[0.0, 0.0, 0.66], [1.0, 0.34, 1.0]]),
    )
    return read_run(tmp_path)


def test_the_animation_has_a_frame_for_each_look_and_the_paper_of_its_theme(run):
    for theme in (style.LIGHT, style.DARK):
        picture = Image.open(io.BytesIO(mode_plates.movie(run).draw(theme)))
        assert picture.n_frames == len(STEP)
        corner = picture.convert("RGB").getpixel((0, 0))
        assert f"#{bytes(corner).hex()}" == theme.paper


def test_a_dot_of_every_seed_and_the_interval_around_their_mean(run):
    plate = mode_plates.table(run)
    assert "pac(2): 8.0 modes, all of them in 2 of 2" in plate.alt
    first, _, last = plate.draw(style.LIGHT).axes
    seeds = np.concatenate([line.get_xdata() for line in first.get_lines()[:2]])
    assert sorted(seeds) == [1, 3, 8, 8]
    ends = [path.vertices[:, 0].tolist() for path in last.collections[0].get_paths()]
    assert ends == [[0.0, 0.66], [0.34, 1.0]]


def test_curves_are_means_over_seeds(run):
    left = mode_plates.over_training(run).draw(style.LIGHT).axes[0]
    np.testing.assert_allclose(left.get_lines()[0].get_ydata(), [0.5, 1.0, 2.0])


def test_a_row_of_stills_ends_with_the_data(run):
    figure = mode_plates.stills(run).draw(style.LIGHT)
    assert [axes.get_title() for axes in figure.axes[:4]] == ["10", "20", "30", "data"]
    assert len(figure.axes) == 2 * 4


def test_points_outside_the_panel_do_not_stretch_it():
    far = np.full((1, 1, 3, 2), 1e6)
    figure, _ = modes.frames(["a"], STEP[:1], far, np.eye(2), 0)
    assert figure.axes[0].get_xlim()[1] < 2


def test_without_modes_to_count_there_are_pictures_alone(run):
    (run.path / "arrays" / "mode_table.npz").unlink()
    assert mode_plates.table(run) is None
    assert mode_plates.over_training(run) is None
    assert mode_plates.movie(run) is not None
