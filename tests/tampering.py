"""Damage to the files of a run, drawn at random: bytes, lines, values, the file itself.

Each function takes a generator of NumPy and gives or writes something that may be
damaged, and may be whole by chance.
"""

import contextlib
import copy
import json
import os
import signal
import zipfile
from pathlib import Path

from jaxgen.errors import InputError

LONG = 10_000
OTHERS = [
    None,
    True,
    False,
    0,
    -1,
    3,
    1.5,
    1e308,
    -1e308,
    1e-300,
    2**70,
    float("inf"),
    float("nan"),
    "",
    "text",
    "\ud800",
    "\x00",
    "$a_{$",
    "x" * LONG,
    [],
    {},
    [1, "a"],
    {"a": 1},
    [[]],
    ["a", None],
    {"value": []},
    {"kl": "much"},
    "train",
    "../vae",
    "/dev/null",
    "{{ title }}",
    "<script>",
    "experiments",
]
"""Values in place of another."""


def damaged(rng, path: Path) -> str:
    """Damages a file in one of many ways, and says in which."""
    ways = [of_bytes, of_bytes, of_lines, the_file, the_content]
    if path.suffix in (".json", ".jsonl"):
        ways += [of_values] * 8
    if path.suffix == ".npz":
        ways += [of_members] * 3
    way = ways[rng.integers(len(ways))]
    return f"{path.name}: {way.__name__}: {way(rng, path)}"


def of_bytes(rng, path: Path) -> str:
    """Flips bits, cuts, inserts, or zeroes a part."""
    content = bytearray(path.read_bytes())
    at = int(rng.integers(len(content) + 1))
    way = rng.choice(["flip", "cut", "insert", "zero", "drop"])
    if way == "flip":
        for place in rng.integers(len(content), size=rng.integers(1, 4)):
            content[place] ^= 1 << rng.integers(8)
    elif way == "cut":
        del content[at:]
    elif way == "insert":
        content[at:at] = rng.bytes(int(rng.integers(1, 9)))
    elif way == "zero":
        content[at : at + 50] = bytes(len(content[at : at + 50]))
    else:
        del content[at : at + int(rng.integers(1, 50))]
    path.write_bytes(content)
    return f"{way} at {at}"


def of_lines(rng, path: Path) -> str:
    """Cuts, swaps, doubles or deletes lines."""
    lines = path.read_bytes().split(b"\n")
    one, other = rng.integers(len(lines), size=2)
    way = rng.choice(["cut", "swap", "double", "delete", "join", "garble"])
    if way == "cut":
        lines[one] = lines[one][: len(lines[one]) // 2]
    elif way == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif way == "double":
        lines.insert(other, lines[one])
    elif way == "delete":
        del lines[one]
    elif way == "join":
        lines[one : one + 2] = [b"".join(lines[one : one + 2])]
    else:
        lines[one] = rng.choice(
            [b"null", b"[1, 2]", b"7", b'"a"', b"{}", b"\xff", b"{"]
        )
    path.write_bytes(b"\n".join(lines))
    return f"{way} of lines {one} and {other}"


def of_values(rng, path: Path) -> str:
    """Replaces, removes, renames or doubles a value of JSON."""
    if path.suffix == ".json":
        content, found = _changed(rng, json.loads(path.read_text()))
        path.write_text(json.dumps(content))
        return found
    lines = path.read_text().splitlines()
    at = int(rng.integers(len(lines)))
    content, found = _changed(rng, json.loads(lines[at]))
    lines[at] = json.dumps(content)
    path.write_text("\n".join(lines) + "\n")
    return f"line {at}: {found}"


def the_content(rng, path: Path) -> str:
    """Puts something else altogether into a file."""
    contents = {
        "nothing": b"",
        "deep lists": b"[" * 100_000,
        "deep objects": b'{"a": ' * 100_000,
        "deep and whole": b"[" * 100_000 + b"]" * 100_000,
        "a hundred levels": b'{"config": ' + b"[" * 100 + b"]" * 100 + b"}",
        "many digits": b'{"step": ' + b"7" * LONG + b', "epoch": 1, "split": "a"}',
        "no float": b'{"step": 1, "epoch": 1' + b"0" * 400 + b', "split": "a"}\n',
        "infinite": b'{"step": Infinity, "epoch": NaN, "split": "a"}\n',
        "a huge line": b'{"step": 1, "epoch": 1, "split": "' + b"a" * 2**22 + b'"}\n',
        "half a character": b'{"step": 1, "epoch": 1, "split": "\\ud800"}\n',
        "no UTF-8": b'\xff\xfe{"title": "\xc3"}',
        "a list": b"[]",
        "null": b"null\n",
        "zeros": bytes(500),
    }
    name = str(rng.choice(list(contents)))
    path.write_bytes(contents[name])
    return name


def the_file(rng, path: Path) -> str:
    """Puts something that is no file, or cannot be read, into the place of a file."""
    way = rng.choice(["folder", "FIFO", "broken link", "loop", "unreadable", "device"])
    if way == "unreadable":
        path.chmod(0)
        return way
    path.unlink()
    if way == "folder":
        path.mkdir()
    elif way == "FIFO":
        os.mkfifo(path)
    elif way == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("nowhere" if way == "broken link" else path.name)
    return way


def of_members(rng, path: Path) -> str:
    """Removes, renames or swaps arrays of an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    one, other = (str(name) for name in rng.choice(list(members), size=2))
    way = rng.choice(["remove", "rename", "swap", "no array", "bytes"])
    if way == "remove":
        del members[one]
    elif way == "rename":
        members["other.npy"] = members.pop(one)
    elif way == "swap":
        members[one], members[other] = members[other], members[one]
    elif way == "no array":
        members[one] = b"these are no numbers"
    else:
        content = bytearray(members[one])
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        members[one] = bytes(content)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return f"{way}: {one}, {other}"


def _changed(rng, content):
    """Changes one value, at any depth."""
    content = copy.deepcopy(content)
    places = list(_places(content))
    if not places:
        return OTHERS[rng.integers(len(OTHERS))], "another value"
    home, key = places[rng.integers(len(places))]
    way = rng.choice(["replace", "replace", "replace", "remove", "rename", "wrap"])
    if way == "replace":
        home[key] = OTHERS[rng.integers(len(OTHERS))]
    elif way == "remove":
        del home[key]
    elif way == "rename" and isinstance(home, dict):
        home[f"{key}_"] = home.pop(key)
    else:
        home[key] = [home[key]]
    return content, f"{way} {key!r}"


def _places(content):
    keys = content if isinstance(content, dict) else range(len(content))
    for key in list(keys):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


@contextlib.contextmanager
def within(seconds: float):
    """Raises TimeoutError in a block that takes too long, as a FIFO would make it."""

    def stop(*_):
        raise TimeoutError(f"it took more than {seconds} s")

    former = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def fault_of(use, *names: str) -> str:
    """Returns what is wrong with a use of damaged files, or "" where nothing is.

    Args:
        use: It works, or raises an InputError that has one of the names in it.
        names: Of the files.
    """
    try:
        with within(60):
            use()
    except InputError as error:
        text = str(error)
        return "" if any(name in text for name in names) else f"names no file: {text}"
    except Exception as error:
        frame = error.__traceback__
        while frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
        return f"{type(error).__name__} at {place}: {str(error)[:200]}"
    return ""
