"""Scores of the members of an ensemble, and the tables that show them."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import metrics, models, run
from jaxgen.data import sprites
from jaxgen.files import write_npz
from jaxgen.metrics import represent_all
from jaxgen.models import Ensemble
from jaxgen.typing import Array

SCORES = {
    "mig_chen": "MIG (Chen)",
    "mig_locatello": "MIG (Locatello)",
    "dci_disentanglement": "DCI",
    "sap_kumar": "SAP (Kumar)",
    "sap_locatello": "SAP (Locatello)",
    "factor_vae_score": "FactorVAE",
}
NAMES = list(SCORES.values())
RANK = 0
"""The score by which a seed is chosen for the figures: MIG (Chen)."""


def score_members(
    config: Any, model: models.VAE, members: Ensemble, state: Any
) -> np.ndarray:
    """Scores every member on the same sprites, shape (scores, members)."""
    mean, log_variance = _represent(config, model)
    found = []
    for number in range(members.num_members):
        member = members.member(state, number)
        one = metrics.disentanglement_scores(
            lambda factors, member=member: mean(member, factors),
            tuple(sprites.FACTORS.values()),
            seed=config.seed,
            num_examples=config.score_examples,
            num_train=config.score_examples // 10,
            num_test=config.score_examples // 20,
            categorical=(0,),
            log_variance=lambda factors, member=member: log_variance(member, factors),
        )
        found.append([one[name] for name in SCORES])
    return np.array(found).T


def save_scores(
    folder: Path,
    names: list[str],
    values: np.ndarray,
    kl: np.ndarray,
    reconstruction: np.ndarray,
) -> None:
    """Writes what the figure of disentanglement shows: four scores, not one twice."""
    some = [NAMES.index(n) for n in ("MIG (Chen)", "DCI", "SAP (Kumar)", "FactorVAE")]
    write_npz(
        folder / "disentanglement.npz",
        names=names,
        metrics=[NAMES[i].split(" (")[0] for i in some],
        scores=values[some],
        kl=kl,
        reconstruction=reconstruction,
    )


def score_table(names: list[str], values: np.ndarray) -> run.Table:
    """Returns a table of the page: medians and ranges of all scores."""
    return run.Table(
        title="Scores of disentanglement",
        note=f"Median over {values.shape[-1]} seeds, and from the least to the "
        "largest; 1 is perfect. Scores of different names do not compare, nor the same "
        "name in the conventions of two papers.",
        columns=["setting", *NAMES],
        words=1,
        rows=[
            [name, *(spread(score[row], 2) for score in values)]
            for row, name in enumerate(names)
        ],
    )


def rate_table(
    names: list[str], beta: np.ndarray, kl: np.ndarray, reconstruction: np.ndarray
) -> run.Table:
    """Returns a table of the page: what each setting costs."""
    return run.Table(
        title="Rate and distortion",
        note="On held-out sprites, nats per image: median over "
        f"{kl.shape[1]} seeds, and the range. The constrained runs have found their "
        "beta.",
        columns=["setting", "beta", "KL", "reconstruction"],
        words=1,
        rows=[
            [name, spread(beta[i], 2), spread(kl[i], 2), spread(reconstruction[i], 1)]
            for i, name in enumerate(names)
        ],
    )


def equivalence_table(
    weight: float, beta: np.ndarray, kl: np.ndarray, fixed: np.ndarray
) -> run.Table:
    """Returns a table of the page: the constraint and the fixed beta that it found."""
    rows = [
        [str(seed), f"{b:.3f}", f"{a:.3f}", f"{c:.3f}", f"{100 * (c / a - 1):+.1f} %"]
        for seed, (b, a, c) in enumerate(zip(beta, kl, fixed, strict=True))
    ]
    middle = [float(np.median(v)) for v in (beta, kl, fixed)]
    rows.append(
        [
            "median",
            *(f"{v:.3f}" for v in middle),
            f"{100 * (middle[2] / middle[1] - 1):+.1f} %",
        ]
    )
    return run.Table(
        title="A constraint is a beta that is found",
        note="Training with the fixed beta drops the constant beta x target from "
        "the Lagrangian, which no gradient sees. So the same seeds are trained again "
        f"with beta held at {weight:.3f}, the median that the constraint found; their "
        "KL should be that of the constrained runs.",
        columns=["seed", "beta found", "KL, constrained", "KL, fixed", "difference"],
        words=1,
        rows=rows,
    )


def factor_table(config: Any, model: models.VAE, state: Any, name: str) -> run.Table:
    """Returns a table of the page: which factor each latent tells."""
    factors = list(sprites.FACTORS)
    generator = np.random.default_rng(config.seed)
    shape = (config.score_examples, len(factors))
    drawn = generator.integers(list(sprites.FACTORS.values()), size=shape)
    mean, log_variance = _represent(config, model)
    latents, spreads = (
        represent_all(lambda f, part=part: part(state, f), drawn.astype(np.int32))
        for part in (mean, log_variance)
    )
    kl = 0.5 * (latents**2 + np.expm1(spreads) - spreads).mean(axis=0)
    # Twenty bins and n examples give even noise some information: take that off.
    information = metrics.mig_locatello(latents, drawn).mutual_information
    values = np.array(list(sprites.FACTORS.values()))
    bias = 19 * (values - 1) / (2 * len(drawn))
    share = np.maximum(information - bias, 0) / np.log(values)
    rows = []
    for latent in np.argsort(-kl):
        best = int(share[latent].argmax())
        told = factors[best] if share[latent, best] > 0.05 else "nothing alone"
        cells = [f"{100 * s:.0f} %" for s in share[latent]]
        rows.append([f"z{latent + 1}", told, f"{kl[latent]:.2f}", *cells])
    return run.Table(
        title=f"Which factor each latent tells ({name})",
        note="Mutual information of a latent's mean, in 20 bins, with each factor, "
        "as a share of the factor's entropy, the bias of the count taken off. A code "
        "is disentangled where a row and a column have one large number.",
        columns=["latent", "tells", "KL, nats", *factors],
        words=2,
        rows=rows,
    )


def spread(values: np.ndarray, digits: int) -> str:
    """Returns a median with the range around it."""
    low, middle, high = np.min(values), np.median(values), np.max(values)
    if high == low:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _represent(config: Any, model: models.VAE) -> tuple[Any, Any]:
    """Returns `(state, factors) -> latent means` and their log-variances, compiled."""

    @jax.jit
    def mean(state: Any, factors: Array) -> Array:
        return _encode(state, factors).mean

    @jax.jit
    def log_variance(state: Any, factors: Array) -> Array:
        return _encode(state, factors).log_variance

    def _encode(state: Any, factors: Array) -> Any:
        images = sprites.render(jnp.asarray(factors), image_size=config.image_size)
        return model.encode(state, images)

    return mean, log_variance
