"""The gallery of runs: one card a run, whatever state the run is in."""

import html.parser
import json
import shutil

import pytest

from jaxgen.errors import InputError
from jaxgen.report.__main__ import main
from jaxgen.report.runs_page import write_gallery
from tests.report.folder import write_run


class _Cards(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.pictures = [], 0

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        self.pictures += tag == "img"


@pytest.fixture(scope="module")
def runs(page, tmp_path_factory):
    """A finished run, one that claims something, one that was stopped, one damaged."""
    folder = tmp_path_factory.mktemp("gallery") / "runs"
    shutil.copytree(page.parent, folder / "vae" / "digits")
    claims = folder / "vae" / "a # claim"
    shutil.copytree(page.parent, claims)
    claim = {"verdict": "not held", "sentence": "S.", "reason": "", "name": "share"}
    claim |= {"reference": "chance 0.1", "number": {"text": "0.20 [0.1, 0.3]"}}
    (claims / "summary.json").write_text(json.dumps({"claim": claim}))
    stopped = write_run(folder / "gan" / "stopped")
    (stopped / "summary.json").unlink()
    (stopped / "parts" / "one").mkdir(parents=True)
    (stopped / "parts" / "one" / "config.json").write_text("{}")
    damaged = folder / "vae" / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text("{")
    return folder


def test_every_run_has_a_card_that_leads_to_its_page(runs):
    text = write_gallery(runs).read_text("utf-8")
    found = _Cards()
    found.feed(text)
    assert found.links == ["vae/a%20%23%20claim/index.html", "vae/digits/index.html"]
    # A run that was never drawn has no picture yet.
    assert found.pictures == 2
    assert text.count('<article class="card">') == 4
    assert "not held" in text
    assert "0.20 [0.1, 0.3]" in text
    assert "vae/damaged/config.json is damaged" in text
    assert "151.23" in text
    assert "Digits &lt;&amp; friends&gt;" in text


def test_the_command_writes_the_gallery(runs, capsys):
    assert main(["--gallery", str(runs)]) == 0
    assert capsys.readouterr().out.strip() == str(runs / "index.html")


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        write_gallery(tmp_path)
    with pytest.raises(InputError, match="holds no run"):
        write_gallery(tmp_path / "nowhere")
