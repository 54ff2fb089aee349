import dataclasses
import json
from pathlib import Path

import numpy as np

from experiments import adagan

TINY = adagan.Config(
    components=2,
    component_steps=3,
    classifier_steps=2,
    candidates=2,
    seeds=2,
    hidden=(8,),
    batch_size=8,
    devices=1,
)


def test_a_run_has_modes_by_components_and_their_figure(tmp_path):
    found = adagan.main(dataclasses.replace(TINY, output=str(tmp_path)))
    folder = Path(found["page"]).parent
    assert set(found) == {"1 component", "2 components", "page"}
    assert (folder / "figures" / "boosting.png").exists()
    rows = json.loads((folder / "summary.json").read_text())["tables"][0]["rows"]
    assert [row[0] for row in rows] == ["1 component", "2 components"]
    with np.load(folder / "arrays" / "boosting.npz") as arrays:
        assert arrays["samples"].shape[0] == 2
        assert arrays["captured"].shape == (2, 2)
