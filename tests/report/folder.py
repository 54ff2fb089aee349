"""A small run's folder, with digits for images and clusters for latents."""

import json
import warnings

import numpy as np

from jaxgen.report import latents as drawings
from jaxgen.report import write_figures

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sklearn.datasets import load_digits

CLASSES = 10
EPOCHS = 6


def write_run(path, *, latents=2, channels=1):
    """Writes a run as an experiment would and returns its folder."""
    rng = np.random.default_rng(0)
    images, label = _digits(channels)
    centres = rng.normal(0, 2, [CLASSES, latents])
    mean = centres[label] + rng.normal(0, 0.3, [len(label), latents])
    (path / "arrays").mkdir(parents=True)
    _write_metrics(path / "metrics.jsonl")
    config = {
        "experiment": "vae",
        "title": "Digits <& friends>",
        "claim": 'A claim with "quotes" and </script> in it.',
        "command": "python -m experiments.vae --data digits",
        "config": {"latents": latents, "learning_rate": 1e-3, "steps": None},
        "environment": {"python": "3.11", "backend": "cpu", "devices": 1},
    }
    (path / "config.json").write_text(json.dumps(config))
    results = {"test loss": {"value": 151.234, "unit": "nats"}}
    (path / "summary.json").write_text(json.dumps({"results": results, "seconds": 8.5}))

    def save(name, **arrays):
        np.savez(path / "arrays" / f"{name}.npz", **arrays)

    known = {
        "mean": mean[:300].astype(np.float32),
        "label": label[:300],
        "kl": np.linspace(2, 0.001, latents),
        "class_names": ["<b>nought</b>", *map(str, range(1, 10))],
    }
    save("latents", **known)
    figures = {}
    if latents == 2:
        for name, size in (("manifold", 8), ("explorer", 12)):
            x = np.linspace(mean[:, 0].min(), mean[:, 0].max(), size)
            y = np.linspace(mean[:, 1].max(), mean[:, 1].min(), size)
            grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
            nearest = ((grid[:, None] - mean) ** 2).sum(-1).argmin(1)
            if name == "manifold":
                figures[name] = drawings.manifold(images[nearest], x, y)
            else:
                save(name, images=images[nearest], x=x, y=y)
    else:
        figures["samples"] = drawings.samples(images[:64])
    figures["latents"] = drawings.latent_scatter(known.pop("mean"), **known)
    figures["reconstructions"] = drawings.reconstructions(images[:50], images[50:100])
    taken = images[:40].reshape(5, 8, *images.shape[1:])
    figures["epochs"] = drawings.epochs(dict(enumerate(taken)))
    figures["kl"] = drawings.kl_per_latent(known["kl"])
    write_figures(path, figures)
    return path


def _digits(channels):
    digits = load_digits()
    images = np.uint8(digits.images / 16 * 255)[..., None]
    return np.repeat(images, channels, axis=-1), digits.target


def _write_metrics(path):
    rows = []
    for step in range(1, 10 * EPOCHS + 1):
        loss = 150 + 300 * np.exp(-step / 8)
        row = {"step": step, "epoch": step / 10, "split": "train", "loss": loss + 5}
        row |= {"reconstruction": loss, "kl": 5.0, "gradient_norm": 1 / step}
        rows.append(row)
        if step % 10 == 0:
            rows.append({**row, "split": "test", "loss": loss + 9})
            del rows[-1]["gradient_norm"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
