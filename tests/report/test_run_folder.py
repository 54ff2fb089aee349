"""Reading a run's folder: what is tolerated, and what is refused with a sentence."""

import os
import zipfile

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.report.run import naming_arrays, read_run, series


def test_a_half_written_last_line_is_left_out(run_folder):
    whole = read_run(run_folder).rows
    with open(run_folder / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": 61, "epoch": 6.1, "split": "tr\xc3')
    assert read_run(run_folder).rows == whole


def test_a_damaged_line_within_the_file_is_named(run_folder):
    path = run_folder / "metrics.jsonl"
    lines = path.read_text().splitlines()
    lines[3] = lines[3][:-5]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"metrics\.jsonl is damaged: its line 4 "):
        read_run(run_folder)


def test_the_later_line_of_a_step_logged_twice_counts(run_folder):
    with open(run_folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 20, "epoch": 2.0, "split": "train", "loss": -1.0}\n')
    epochs, losses = series(read_run(run_folder).rows, "train", "loss")
    assert losses[epochs == 2.0].tolist() == [-1.0]
    assert (np.diff(epochs) > 0).all()


def test_norms_and_speed_are_no_loss_terms(run_folder):
    run = read_run(run_folder)
    assert run.terms == ["loss", "reconstruction", "kl"]
    assert run.diagnostics == ["gradient_norm"]


def test_a_run_without_lines_has_no_terms(run_folder):
    (run_folder / "metrics.jsonl").write_text("")
    assert read_run(run_folder).terms == []


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        read_run(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl"])
def test_a_folder_without_the_files_of_a_run_is_refused(run_folder, name):
    (run_folder / name).unlink()
    with pytest.raises(InputError, match=f"it holds no {name}"):
        read_run(run_folder)


@pytest.mark.parametrize("name", ["config.json", "summary.json"])
@pytest.mark.parametrize("content", ['{"title": ', "[1, 2]"])
def test_a_damaged_json_file_is_named(run_folder, name, content):
    (run_folder / name).write_text(content)
    with pytest.raises(InputError, match=f"{name} is damaged"):
        read_run(run_folder)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def _garble(path):
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)


def _empty(path):
    path.write_bytes(b"")


def _no_archive(path):
    path.write_text("these are no arrays")


def _objects(path):
    np.savez(path, mean=np.array([[{}]], dtype=object))


def _other_name(path):
    np.savez(path, means=np.zeros([3, 2]))


def _other_shape(path):
    np.savez(path, mean=np.zeros(3))


def _nothing(path):
    np.savez(path, mean=np.zeros([0, 2]))


def _not_finite(path):
    np.savez(path, mean=np.array([[0.0, np.nan]]))


def _words(path):
    np.savez(path, mean=np.array([["a", "b"]]))


def _open_header(path):
    # NumPy raises tokenize.TokenError of it.
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mean.npy", b"\x93NUMPY\x01\x00\x04\x00{'(\n")


def _named_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _garble,
        _empty,
        _no_archive,
        _objects,
        _other_name,
        _other_shape,
        _nothing,
        _not_finite,
        _words,
        _open_header,
        _named_pipe,
    ],
)
def test_a_damaged_array_file_is_named(run_folder, damage):
    damage(run_folder / "arrays" / "latents.npz")
    with pytest.raises(InputError, match=r"arrays/latents\.npz"):
        read_run(run_folder).arrays("latents", mean=2)


def test_an_array_file_that_is_not_there_is_none(run_folder):
    assert read_run(run_folder).arrays("samples", images=4) is None


def _failing(run, error, source=None):
    with naming_arrays(run, source):
        run.arrays("latents")
        run.arrays("explorer")
        raise error


def test_what_fails_after_a_reading_names_the_files_and_does_not_say_delete(run_folder):
    run = read_run(run_folder)
    words = (
        r"of .*latents\.npz and .*explorer\.npz cannot be drawn \(ValueError: odd\): "
        "restore the file or run the experiment again; if it was never touched, please "
        "report this"
    )
    with pytest.raises(InputError, match=words):
        _failing(run, ValueError("odd"))
    with pytest.raises(InputError, match=r"of .*arrays/samples\.npz cannot"):
        _failing(run, ValueError("odd"), "arrays/samples.npz")


def test_what_is_no_fault_of_an_array_goes_on_as_it_is(run_folder):
    run = read_run(run_folder)
    with pytest.raises(AttributeError):
        _failing(run, AttributeError())
    with pytest.raises(ValueError, match="odd"):
        _failing(run, ValueError("odd"), "metrics.jsonl")
