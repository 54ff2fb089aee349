"""Whole run folders for `test_tampered_runs`, each as a script leaves it."""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments import vae
from jaxgen.run.restore import write_description
from jaxgen.training import RunFolder
from tests.report import evaluated
from tests.report.family import folder as family
from tests.report.folder import write_run
from tests.report.test_estimator_figures import write_study

OPTIONS = {"data": "digits", "hidden": (8,), "steps": 2, "batch_size": 32, "devices": 1}
TABLE = {"title": "Units", "note": "", "words": 1, "columns": ["unit", "nats"]}
DESCRIPTION = {
    "experiment": "vae",
    "title": "A VAE of digits",
    "claim": "Digits have few dimensions.",
    "command": "python -m experiments.vae --data digits",
    "config": dataclasses.asdict(vae.Config(**OPTIONS)),
    "environment": {"python": "3.11", "devices": 1},
    "units": {"loss": "nats per image", "kl": "nats"},
    "floors": {"reconstruction": 70.0},
    "constraint": {"kl": 5.0},
}
SUMMARY = {
    "results": {"test loss": {"value": 151.2, "unit": "nats"}, "modes": 8},
    "tables": [TABLE | {"rows": [["first", "3.02"], ["second", "2"]]}],
    "seconds": 8.5,
}


def write_vae(path: Path) -> Path:
    """A VAE with two latents, and its evaluation."""
    write_run(path)
    pictures = np.random.default_rng(1).integers(0, 256, (256, 6, 6, 1), dtype=np.uint8)
    evaluated.write_evaluation(
        path, evaluated.document(), evaluated.arrays(pictures, rows=2, nearest=2)
    )
    return _described(path)


def write_plain(path: Path) -> Path:
    """Records alone, quickly drawn."""
    rows = [_record(step, split) for step in (1, 2) for split in ("train", "test")]
    _write_lines(path / "metrics.jsonl", rows)
    return _described(path)


def write_gan(path: Path) -> Path:
    """Two GANs, with the records of a monitor."""
    terms = {"critic_loss": 1.4, "generator_loss": 1.0, "real_logit": 2.0, "fd": 9.0}
    rows = [
        _record(step, split, estimate=0.2, fake_logit=-1.0, **terms)
        for step in range(1, 5)
        for split in ("hinge", "wgan")
    ]
    looks = [
        _record(step, "hinge", modes=step, diversity=0.5, sign=0.1, held_out=0.2)
        for step in range(1, 5)
    ]
    _write_lines(path / "metrics.jsonl", rows)
    _write_lines(path / "monitor.jsonl", looks)
    pictures = np.zeros((3, 2, 6, 6, 1), np.uint8)
    names = {"names": ["GAN", "WGAN"]}
    _save(path, "gan_samples", images=pictures[:2], **names)
    return _described(path, labels={"wgan": "WGAN", "hinge": "GAN"})


def write_translation(path: Path) -> Path:
    """A translation, with its looks at held-out images."""
    terms = {"generator_loss": 2.0, "cycle_a": 0.4, "l1": 0.3, "critic_a_loss": 0.2}
    rows = [
        _record(step, split, critic_sum=0.8, critic_a_gradient_norm=2.0, **terms)
        for step in range(1, 5)
        for split in ("train", "test")
    ]
    readings = {"inversion": -0.5, "inversion_threshold": -0.3, "critic": 0.9}
    more = {"critic_low": 0.8, "critic_high": 0.97, "fd": 3.0, "ssim": 0.5}
    looks = [
        _record(step, split, collapse_expected=0.9, collapse=0.5, **readings, **more)
        for step in range(1, 5)
        for split in ("a_to_b", "b_to_a")
    ]
    _write_lines(path / "metrics.jsonl", rows)
    _write_lines(path / "translation.jsonl", looks)
    return _described(path, aligned=True)


def write_family(path: Path) -> Path:
    """A study of VAEs, with every file of arrays that has a figure."""
    _write_lines(path / "metrics.jsonl", [_record(1, "vae", loss=3.0)])
    for name, arrays in family.FILES.items():
        _save(path, name, **arrays())
    return _described(path, conditional=True)


def write_estimators(path: Path) -> Path:
    """A study that keeps no records."""
    return _described(write_study(path), records=False)


WRITERS = {
    "plain": write_plain,
    "vae": write_vae,
    "gan": write_gan,
    "translation": write_translation,
    "family": write_family,
    "estimators": write_estimators,
}


def _record(step: int, split: str, **terms) -> dict:
    return {"step": step, "epoch": step / 2, "split": split, "loss": 1 / step, **terms}


def _described(path: Path, **more) -> Path:
    (path / "checkpoints" / "2").mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(DESCRIPTION | more))
    (path / "summary.json").write_text(json.dumps(SUMMARY))
    model = vae.build(vae.Config(**OPTIONS), (8, 8, 1), 1)
    batch = {"image": jax.ShapeDtypeStruct((4, 8, 8, 1), jnp.float32)}
    write_description(RunFolder(path), model, batch)
    return path


def _write_lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _save(path: Path, name: str, **arrays) -> None:
    (path / "arrays").mkdir(parents=True, exist_ok=True)
    np.savez(path / "arrays" / f"{name}.npz", **arrays)
