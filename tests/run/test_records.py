"""Records that lack what a script makes its results of: a sentence names them."""

import json

import pytest

from experiments.gan_studies import curves
from jaxgen import run, training
from jaxgen.errors import InputError

RECORD = {"step": 3, "epoch": 1.5, "split": "test", "loss": 2.0}


def write(folder, *records):
    path = folder / "metrics.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_last_record_is_that_of_the_last_step(tmp_path):
    path = write(tmp_path, RECORD, RECORD | {"step": 2}, RECORD | {"split": "train"})
    assert run.last_record(path, "loss") == RECORD


@pytest.mark.parametrize("records", [(), (RECORD | {"split": "train"},)])
def test_no_record_of_a_split_is_said(tmp_path, records):
    path = write(tmp_path, *records)
    with pytest.raises(InputError, match=r"metrics\.jsonl has no record of the split"):
        run.last_record(path)
    path.unlink()
    with pytest.raises(InputError, match=r"metrics\.jsonl has no record of the split"):
        run.last_record(path)


@pytest.mark.parametrize(
    ("loss", "why"),
    [(None, "'loss' is None"), ("2", "'loss' is '2'"), (True, "'loss' is True")],
)
def test_a_record_without_its_number_is_named(tmp_path, loss, why):
    path = write(tmp_path, RECORD | {"loss": loss})
    with pytest.raises(InputError, match=why):
        run.last_record(path, "loss")
    with pytest.raises(InputError, match=r"split 'test' it lacks 'kl'"):
        run.last_record(path, "kl")


def test_a_rate_that_is_no_number_is_named(tmp_path):
    path = write(tmp_path, RECORD, RECORD | {"step": 4, "images_per_second": "fast"})
    with pytest.raises(InputError, match="'images_per_second' is 'fast'"):
        run.median_rate(path)
    assert run.median_rate(write(tmp_path, RECORD)) is None


def test_a_part_without_its_logit_is_named(tmp_path):
    write(tmp_path / "parts" / "gan", RECORD)
    with pytest.raises(InputError, match=r"gan/metrics\.jsonl.*lacks 'real_logit'"):
        curves.merge(training.RunFolder(tmp_path), ["gan"])
