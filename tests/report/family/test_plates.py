"""Every file of the family gives its figures, in both themes, or a sentence."""

import re

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report import style, write_page
from tests.report.drawings import drawn
from tests.report.family.folder import FILES, found, write_arrays

SWEEP = {"lambda_planes", "lambda_reconstructions", "lambda_scores"}
PLATES = {name: SWEEP if name == "lambda_sweep" else {name} for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_drawn_in_both_themes(name, tmp_path):
    plates = found(tmp_path, name)
    assert set(plates) == PLATES[name]
    for plate in plates.values():
        assert plate.source == f"arrays/{name}.npz"
        assert len(plate.caption) > 100
        assert len(plate.alt) > 20
        pages = [drawn(plate.draw(theme)) for theme in (style.LIGHT, style.DARK)]
        assert min(page.std() for page in pages) > 5
        assert pages[0][0, 0].mean() > 250
        assert pages[1][0, 0].mean() < 50


@pytest.mark.parametrize("name", FILES)
def test_an_array_that_is_not_there_is_named(name, tmp_path):
    for missing in FILES[name]():
        if missing in ("prior_means", "snr"):
            assert found(tmp_path, name, **{missing: None})
            continue
        with pytest.raises(InputError, match=rf"{name}\.npz.* array '{missing}'"):
            found(tmp_path, name, **{missing: None})


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("class_plane", ("label",)),
        ("all_labels", ("class_names",)),
        ("comparison", ("outputs", "names", "errors", "inputs")),
        ("traversals", ("images", "values", "kl", "dimension")),
        ("disentanglement", ("names", "metrics", "scores", "kl", "reconstruction")),
        ("lambda_sweep", ("names", "mean", "label", "inputs", "outputs", "nll_error")),
        ("lambda_sweep", ("nll", "reconstruction", "divergence", "prior_means")),
        ("codes", ("inputs", "outputs", "probabilities")),
        ("estimators_along", ("names", "elbo_step", "elbo", "at", "variance", "snr")),
        ("estimators_along", ("half_width", "seconds")),
        ("bounds", ("k", "names", "bound", "half_width", "nll", "activity")),
    ],
)
def test_an_array_of_another_length_is_named_with_what_it_should_fit(
    name, keys, tmp_path
):
    for key in keys:
        array = FILES[name]()[key]
        cut = array[1:] if len(array) > 1 else np.repeat(array, 2)
        with pytest.raises(InputError, match=rf"{name}\.npz: .* has shape .* was exp"):
            found(tmp_path, name, **{key: cut})


def test_a_plane_with_an_image_too_few_is_named_with_its_file(tmp_path):
    write_arrays(tmp_path, "class_plane", images=FILES["class_plane"]()["images"][1:])
    with pytest.raises(InputError, match=r"class_plane\.npz: .*needs 9 images"):
        write_page(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_numbers_in_place_of_names_are_refused(name, tmp_path):
    for key, array in FILES[name]().items():
        if array.dtype.kind == "U":
            with pytest.raises(InputError, match=f"an array '{key}' of texts"):
                found(tmp_path, name, **{key: np.zeros(array.shape)})


def test_the_lengths_that_were_expected_are_told(tmp_path):
    said = "[2, images = 7 as in 'inputs', height = 6 as in 'inputs', "
    with pytest.raises(InputError, match=re.escape(said)):
        found(tmp_path, "comparison", outputs=np.zeros([2, 5, 6, 6, 1], np.uint8))


def test_images_that_are_no_bytes_are_named_with_their_file(tmp_path):
    folder = write_arrays(tmp_path, "all_labels", images=np.zeros([4, 3, 6, 6, 1]))
    with pytest.raises(InputError, match=r"arrays/all_labels\.npz: .*cannot be drawn"):
        write_page(folder)


def test_labels_without_a_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="label 3 is none of the 3 classes"):
        found(tmp_path / "plane", "class_plane", label=np.array([3]))
    with pytest.raises(InputError, match="'label' reaches from 0 to 5"):
        found(tmp_path / "sweep", "lambda_sweep", label=np.arange(30) % 6)


def test_a_page_of_the_family_is_written_whole(tmp_path):
    write_arrays(tmp_path, "bounds")
    page = write_page(write_arrays(tmp_path, "codes"))
    written = {path.stem for path in (page.parent / "figures").iterdir()}
    assert written == {"bounds", "codes"}
    assert "Codes of test images" in page.read_text(encoding="utf-8")
