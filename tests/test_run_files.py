"""Reading what a run left: it works, or a sentence names the file and the line."""

import json
import os

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.run_files import read_config, read_json, read_object, read_records
from tests import tampering


def write(path, *records, end="\n"):
    path.write_text("\n".join(map(json.dumps, records)) + end)
    return path


def record(step, split="train", **terms):
    return {"step": step, "epoch": step / 2, "split": split, **terms}


def test_the_later_of_two_records_of_a_step_and_split_counts(tmp_path):
    path = write(
        tmp_path / "metrics.jsonl",
        record(2, loss=1.0),
        record(1),
        record(2, "test"),
        record(2, loss=3.0),
    )
    assert read_records(path) == [record(2, loss=3.0), record(1), record(2, "test")]


def test_no_file_has_no_records(tmp_path):
    assert read_records(tmp_path / "metrics.jsonl") == []


@pytest.mark.parametrize("cut", [b'{"step": 3, "ep', b'{"split": "tr\xc3', bytes(40)])
def test_a_line_that_a_killed_process_did_not_end_is_left_out(tmp_path, cut):
    path = write(tmp_path / "metrics.jsonl", record(1), record(2))
    path.write_bytes(before := path.read_bytes() + cut)
    assert [r["step"] for r in read_records(path)] == [1, 2]
    assert path.read_bytes() == before
    path.write_bytes(before + b"\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl is damaged: its line 3 "):
        read_records(path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"step": 1.0, "epoch": 1, "split": "a"}', "its step is 1.0, not a whole"),
        ('{"step": true, "epoch": 1, "split": "a"}', "its step is True"),
        ('{"step": -1, "epoch": 1, "split": "a"}', "its step is -1"),
        ('{"epoch": 1, "split": "a"}', "its step is None"),
        ('{"step": 1, "epoch": "1", "split": "a"}', "its epoch is '1', not a finite"),
        ('{"step": 1, "epoch": NaN, "split": "a"}', "its epoch is nan"),
        ('{"step": 1, "epoch": 1, "split": ["a"]}', "its split is"),
        ('{"step": 1, "epoch": 1, "split": "\\ud800"}', "half a character"),
        ('{"step": 1, "epoch": 1, "split": "%s"}' % ("a" * 999), "too long"),
        ("[1, 2]", "it is no JSON object with step, epoch and split"),
        ("7" * 10_000, "a number of 10,000 digits"),
        ("[" * 100_000, "nested too deep"),
        ("[" * 99 + "]" * 99, "nested more than 32 levels"),
        ("{", r"it is no JSON \("),
    ],
)
def test_a_damaged_line_is_named_with_what_is_wrong(tmp_path, line, why):
    path = tmp_path / "metrics.jsonl"
    good = json.dumps(record(1))
    path.write_text(f"{good}\n\n{line}\n{good}\n")
    with pytest.raises(InputError, match=f"its line 3 .*{why}.*remove that line"):
        read_records(path)


@pytest.mark.parametrize("read", [read_records, read_object])
@pytest.mark.parametrize("way", ["folder", "FIFO", "broken link", "device"])
def test_what_is_no_file_is_refused_at_once(tmp_path, read, way):
    path = tmp_path / "metrics.jsonl"
    if way == "folder":
        path.mkdir()
    elif way == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if way == "device" else "nowhere")
    with (
        tampering.within(10),
        pytest.raises(InputError, match=r"metrics\.jsonl cannot be read"),
    ):
        read(path)


def test_a_huge_file_of_one_value_is_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(f'"{"a" * 2**24}"')
    with pytest.raises(InputError, match="config.json is damaged: it has 16,777,218 b"):
        read_json(path)


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"title": 3}, "'title' is 3; a text"),
        ({"experiment": None}, "'experiment' is None; a text"),
        ({"environment": []}, r"'environment' is \[\]; an object"),
        ({"records": 0}, "'records' is 0; true or false"),
        ({"units": {"kl": 1}}, "'units' is {'kl': 1}; texts by name"),
        ({"floors": {"kl": True}}, "'floors' is {'kl': True}; numbers by the name"),
        ({"constraint": "x" * 999}, r"'constraint' is 'x+ \.\.\. \(1,001 characters\)"),
    ],
)
def test_an_entry_of_another_type_is_named(tmp_path, entry, wanted):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(entry))
    with pytest.raises(InputError, match=f"config.json: {wanted}"):
        read_config(path)


@pytest.mark.parametrize("number", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_damage_to_records_is_a_traceback(tmp_path, number):
    rng = np.random.default_rng(15)
    path = tmp_path / "metrics.jsonl"
    faults = []
    for _ in range(number):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "metrics.jsonl"
        path.parent.mkdir()
        write(path, *(record(n, loss=1 / n, kl=2.0) for n in range(1, 9)))
        told = tampering.damaged(rng, path)
        before = path.read_bytes() if path.is_file() else None
        fault = tampering.fault_of(lambda path=path: read_records(path), str(path))
        if path.is_file() and before != path.read_bytes():
            fault += " the file was changed"
        faults += [f"{told}: {fault}"] * bool(fault)
    assert not faults, f"{len(faults)} of {number}:\n" + "\n".join(faults[:20])
