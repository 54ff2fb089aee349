"""Records that lack what a script makes its results of: a sentence names them."""

import json

import pytest

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


def test_a_part_without_its_held_out_term_is_named(tmp_path):
    write(tmp_path / "parts" / "gan", RECORD)
    with pytest.raises(InputError, match=r"gan/metrics\.jsonl.*lacks 'real_logit'"):
        run.merge_parts(
            training.RunFolder(tmp_path),
            ["gan"],
            split="train",
            held_out={"real_logit": "held_out_logit"},
        )


def test_records_of_parts_get_what_was_measured_at_their_step(tmp_path):
    train = RECORD | {"split": "train", "loss": 1.0}
    for part in ("one", "two"):
        home = tmp_path / "parts" / part
        write(home, train, RECORD, train | {"step": 6, "epoch": 3.0})
        quality = {"step": 6, "epoch": 3.0, "split": "quality", "fd": 9.0}
        (home / "quality.jsonl").write_text(json.dumps(quality) + "\n")
    folder = training.RunFolder(tmp_path)
    own = write(tmp_path, RECORD | {"split": "own"})
    for _ in range(2):  # a run that is resumed merges again
        run.merge_parts(
            folder,
            ["one", "two"],
            split="train",
            held_out={"loss": "held_out"},
            beside="quality.jsonl",
        )
    expected = [
        {"step": 3, "epoch": 1.5, "split": part, "loss": 1.0, "held_out": 2.0}
        if step == 3
        else {"step": 6, "epoch": 3.0, "split": part, "loss": 1.0, "fd": 9.0}
        for part in ("one", "two")
        for step in (3, 6)
    ]
    assert training.read_records(own) == [RECORD | {"split": "own"}, *expected]


def test_another_file_of_records_is_merged_likewise(tmp_path):
    look = {"step": 1, "epoch": 0.5, "split": "monitor", "diversity": 0.5}
    home = tmp_path / "parts" / "gan"
    home.mkdir(parents=True)
    (home / "monitor.jsonl").write_text(json.dumps(look) + "\n")
    folder = training.RunFolder(tmp_path)
    run.merge_parts(folder, ["gan"], split="monitor", file="monitor.jsonl")
    found = training.read_records(tmp_path / "monitor.jsonl")
    assert found == [look | {"split": "gan"}]
    assert not (tmp_path / "metrics.jsonl").exists()
