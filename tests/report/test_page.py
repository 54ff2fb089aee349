"""The page: complete in itself, whole or not there, and never a traceback."""

import html.parser
import json
import os
import re
import sys

import numpy as np
import pytest
from PIL import Image

from jaxgen.errors import InputError
from jaxgen.report import write_page
from jaxgen.report.__main__ import main
from tests.report.folder import write_run

FIGURES = {
    "manifold",
    "latents",
    "reconstructions",
    "losses",
    "epochs",
    "kl",
    "health",
}


class _Elements(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def written(folder):
    return {path.stem for path in (folder / "figures").glob("*.png")}


def elements(page):
    parser = _Elements()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.found


def test_every_figure_is_written_and_shows_something(page):
    assert page.name == "index.html"
    assert written(page.parent) == FIGURES
    for path in (page.parent / "figures").glob("*.png"):
        pixels = np.asarray(Image.open(path).convert("L"), dtype=float)
        assert pixels.std() > 5
        assert min(pixels.shape) > 300


def test_every_figure_is_there_for_a_paper(page):
    files = {path.stem: path for path in (page.parent / "figures").glob("*.svg")}
    assert set(files) == FIGURES
    for path in files.values():
        assert path.read_bytes().startswith(b"<?xml")


def test_the_page_needs_no_other_file(page):
    for tag, attributes in elements(page):
        for name in ("src", "srcset", "href", "action", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:"), (tag, name, value[:60])
    data = r"data:image/(png|svg\+xml);base64,[A-Za-z0-9+/=]+"
    text = re.sub(data, "", page.read_text())
    assert not re.search(r"https?://|@import|url\(|fetch\(|\bimport\(", text)


def test_every_figure_has_words_for_those_who_cannot_see_it(page):
    pictures = [e for tag, e in elements(page) if tag == "img"]
    shown = [picture for picture in pictures if "hidden" not in picture]
    assert len(shown) == len(FIGURES)
    assert all(len(picture["alt"]) > 20 for picture in shown)


def test_text_from_the_run_cannot_become_markup(page):
    text = page.read_text(encoding="utf-8")
    assert "Digits &lt;&amp; friends&gt;" in text
    assert "with &#34;quotes&#34; and &lt;/script&gt; in it" in text
    assert "<b>nought" not in text
    data = re.search(r'id="explorer-data">(.*?)</script>', text, re.DOTALL)
    names = [group["name"] for group in json.loads(data.group(1))["classes"]]
    assert names[0] == "<b>nought</b>"


def test_the_page_tells_numbers_configuration_and_commands(page):
    text = page.read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))
    assert "151.23 nats" in words
    assert "python -m experiments.vae --data digits --resume" in words
    assert "python -m jaxgen.report runs/vae/digits" in words
    assert "learning_rate0.001" in words


def test_a_stopped_run_shows_its_last_evaluation(run_folder):
    (run_folder / "summary.json").unlink()
    with open(run_folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 70, "split"')
    text = write_page(run_folder).read_text(encoding="utf-8")
    assert "the numbers are those of epoch 6." in text
    assert "test reconstruction" in text


def test_a_run_of_configuration_and_metrics_alone_has_a_page(run_folder):
    for path in [*(run_folder / "arrays").iterdir(), *run_folder.glob("figures/*")]:
        path.unlink()
    told = []
    write_page(run_folder, progress=lambda *stage: told.append(stage))
    assert written(run_folder) == {"losses", "health"}
    assert told == [("drawing figures", 1, 2), ("drawing figures", 2, 2)]


def test_a_run_of_many_latents_shows_samples_and_no_explorer(tmp_path):
    page = write_page(write_run(tmp_path / "wide", latents=6, channels=3))
    assert written(tmp_path / "wide") == FIGURES - {"manifold"} | {"samples"}
    assert 'id="plane"' not in page.read_text(encoding="utf-8")


def test_drawing_again_replaces_files_whole(run_folder, monkeypatch):
    page = write_page(run_folder)
    before = page.read_bytes()
    replaced = []
    rename = os.replace

    def replace(source, target):
        replaced.append((os.path.dirname(source), os.path.dirname(target)))
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write_page(run_folder)
    assert page.read_bytes() == before
    assert len(replaced) == 2 * len(FIGURES) + 1
    assert all(source == target for source, target in replaced)
    left = [path for path in run_folder.rglob("*") if path.name.endswith(".tmp")]
    assert left == []


def test_a_page_that_cannot_be_written_keeps_the_old_one(run_folder, monkeypatch):
    page = write_page(run_folder)
    before = page.read_bytes()

    def refuse(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        write_page(run_folder)
    assert page.read_bytes() == before
    assert not list(run_folder.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("name", "key"), [("figures/manifold", "plane.x"), ("arrays/explorer", "x")]
)
def test_a_grid_that_does_not_match_its_images_is_named(run_folder, name, key):
    path = run_folder / f"{name}.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, key: arrays[key][:-1]})
    with pytest.raises(InputError, match=rf"{name}\.(json|npz)"):
        write_page(run_folder)


@pytest.mark.parametrize("name", ["label", "kl"])
def test_latents_whose_arrays_do_not_match_are_named(run_folder, name):
    path = run_folder / "arrays" / "latents.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, name: arrays[name][:-1]})
    with pytest.raises(InputError, match=rf"latents\.npz: the array '{name}'"):
        write_page(run_folder)


@pytest.mark.parametrize("module", ["matplotlib", "jinja2", "PIL"])
def test_a_missing_package_is_named_with_what_installs_it(
    run_folder, monkeypatch, module
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"'{module}'.*jaxgen\[experiments\]"):
        write_page(run_folder)


def test_the_command_prints_where_the_page_is(run_folder, capsys):
    assert main([str(run_folder)]) == 0
    assert capsys.readouterr().out.strip() == str(run_folder / "index.html")


def test_the_command_refuses_with_one_sentence(run_folder, tmp_path, capsys):
    (run_folder / "figures" / "epochs.npz").write_bytes(b"PK\x03\x04 cut")
    assert main([str(tmp_path), str(run_folder)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {tmp_path} is not the folder of a run")
    assert "figures/epochs.npz cannot be read" in second


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "config.json and metrics.jsonl" in capsys.readouterr().out
