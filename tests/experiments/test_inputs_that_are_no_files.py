"""Named pipes, links to nothing and damaged arrays where the scripts take files."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import evaluate
from experiments.translation_studies import picture_jobs
from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.metrics.features import inception_features
from jaxgen.metrics.statistics_files import load_statistics
from jaxgen.networks import read_train_options
from jaxgen.networks.torch_weights import read_state_dict
from jaxgen.run_files import read_arrays


def test_the_sets_of_evaluate(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    np.save(tmp_path / "array.npy", np.zeros((8, 2)))
    (tmp_path / "open.npy").write_bytes(b"\x93NUMPY\x01\x00\x04\x00{'(\n")
    for name, words in (("pipe", "it is a named pipe"), ("open", "no whole .npy")):
        paths = (str(tmp_path / f"{name}.npy"), str(tmp_path / "array.npy"))
        for order in (paths, paths[::-1]):
            with pytest.raises(InputError, match=f"{name}.npy .*{words}"):
                evaluate.main(evaluate.Config(paths=order))


def test_the_pictures_of_translate(tmp_path):
    Image.new("L", (6, 4)).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", np.zeros((4, 6, 1)))
    for name in ("pipe.png", "pipe.npy"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="holds no pictures"):
            picture_jobs.jobs_of(_below(tmp_path, name), tmp_path / "out", ".png")
    (tmp_path / "link.png").symlink_to("nothing")
    (tmp_path / "folder.png").mkdir()
    jobs, faults = picture_jobs.jobs_of(tmp_path, tmp_path / "out", ".png")
    assert ([job.name for job in jobs], faults) == (["a.png", "b.npy"], [])
    for name in ("pipe.png", "pipe.npy"):
        jobs, faults = picture_jobs.jobs_of(tmp_path / name, tmp_path / "out", ".png")
        assert not jobs
        assert "named pipe" in faults[0]


def _below(folder, name):
    """Makes a folder that holds nothing but a link to a file."""
    alone = folder / f".{name}"
    alone.mkdir()
    (alone / name).symlink_to(folder / name)
    return alone


def test_both_sides_of_a_folder_of_pairs(tmp_path):
    for side in "AB":
        folder = tmp_path / "train" / side
        folder.mkdir(parents=True)
        Image.new("L", (6, 4)).save(folder / "a.png")
        for suffix in ("png", "npy"):
            os.mkfifo(folder / f"pipe.{suffix}")
        (folder / "link.png").symlink_to("nothing")
    assert len(data.load_pairs(tmp_path)) == 1


@pytest.mark.parametrize(
    "read",
    [
        load_statistics,
        read_state_dict,
        inception_features,
        read_arrays,
        lambda path: read_train_options(path.parent / "net.pth", None),
    ],
)
def test_files_that_are_given_by_name(tmp_path, read):
    path = Path(tmp_path / "train_opt.txt")
    os.mkfifo(path)
    with pytest.raises(InputError, match="train_opt.txt.* is a named pipe"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file"])
def test_arrays_that_a_run_wrote_and_that_are_damaged(tmp_path, content):
    path = tmp_path / "epochs.npz"
    write_npz(path, epoch=[1])
    assert read_arrays(path)["epoch"] == [1]
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"epochs\.npz cannot be read .*: delete it"):
        read_arrays(path)
