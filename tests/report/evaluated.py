"""The files of an evaluation, as `experiments.evaluate` leaves them in a run."""

import json
import zlib

import numpy as np

SETS = ("reconstructions", "samples from the prior", "samples from a mixture")
NETWORKS = ("classifier of digits", "random convolutions")
# By metric: the value of the first set, what each further one adds, half the width of
# an interval, the floor, and which way is better.
METRICS = {
    "FD": (4.2, 12.5, 0.8, 0.031, "lower"),
    "KID": (0.00012, 0.0004, 0.00003, 0.0000021, "lower"),
    "precision": (0.912, -0.08, 0.011, 0.995, "higher"),
    "recall": (0.874, -0.005, 0.013, 0.994, "higher"),
    "density": (0.97, 0.04, 0.03, 1.002, "near"),
    "PRD F8": (0.96, -0.05, 0.006, 0.991, "higher"),
    "PRD F1/8": (0.97, -0.09, 0.005, 0.992, "higher"),
}


def measures(sets=SETS, networks=NETWORKS):
    """The rows of `evaluation.json`."""
    rows = []
    for network in networks:
        for metric, (first, more, half, floor, better) in METRICS.items():
            for place, name in enumerate(sets):
                value = first + place * more
                row = {"metric": f"{metric}({network})", "images": name, "note": ""}
                row |= {"value": value, "low": value - half, "high": value + half}
                rows.append({**row, "floor": floor, "better": better})
    row = {"metric": "PSNR", "images": sets[0], "value": 21.37, "low": 21.2}
    row |= {"high": 21.5, "floor": None, "better": "higher"}
    rows.append({**row, "note": "in decibels, of each image and its reconstruction"})
    return rows


def document(sets=SETS, networks=NETWORKS):
    """The content of `evaluation.json`."""
    protocol = {
        "examples": 2000,
        "split": "test",
        "resize": None,
        "half-samples": 100,
        "models": {"A": {"step": 800}, "B": {"step": 900}},
        "networks": [
            {"name": name, "identity": f"{zlib.crc32(name.encode()):08x}"}
            | {"accuracy": 0.9907}
            for name in networks
        ],
    }
    return {
        "measures": measures(sets, networks),
        "protocol": protocol,
        "confidence": 0.95,
    }


def arrays(images, sets=SETS, networks=NETWORKS, *, rows=8, nearest=5):
    """The content of `arrays/evaluation.npz`, with real images in place of samples."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    found = {"real": images[:64]}
    for place, name in enumerate(sets):
        own = slice(64 * (place + 1), 64 * (place + 2))
        found[f"samples/{name}"] = images[own]
        some = np.arange(own.start, own.start + rows)
        apart = ((flat[some, None] - flat) ** 2).sum(-1)
        near = np.argsort(apart, axis=1)[:, 1 : 1 + nearest]
        both = np.concatenate([some[:, None], near], axis=1)
        found[f"neighbours/{name}"] = images[both]
    for network in networks:
        for place, name in enumerate((*sets, "real")):
            power = 25 if name == "real" else 9 / (place + 1)
            angle = np.linspace(0, np.pi / 2, 101)
            curve = np.stack([np.sin(angle), np.cos(angle)])
            # A superellipse, more of a square the higher the power.
            curve /= (curve**power).sum(0) ** (1 / power)
            found[f"prd/{network}: {name}"] = curve
    return found


def write_evaluation(path, content, found):
    """Writes an evaluation into a run's folder, and returns the folder."""
    (path / "arrays").mkdir(parents=True, exist_ok=True)
    if content is not None:
        (path / "evaluation.json").write_text(json.dumps(content))
    if found is not None:
        np.savez(path / "arrays" / "evaluation.npz", **found)
    return path


def write_comparison(path, content, found):
    """Writes the folder of `experiments.evaluate A B`, which has nothing else."""
    path.mkdir(parents=True)
    config = {"experiment": "evaluate", "title": "A against B", "records": False}
    config["command"] = "python -m experiments.evaluate a.npy b.npy"
    (path / "config.json").write_text(json.dumps(config))
    return write_evaluation(path, content, found)
