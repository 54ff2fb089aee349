"""Options with which each script runs in seconds, for `tests.experiments.golden`."""

from typing import Any

DIGITS = {"data": "digits", "hidden": (8,), "devices": 1}
PAIRS = {
    "degrade": "none",
    "image_size": 16,
    "share": 0.06,
    "width": 4,
    "critic_width": 4,
    "batch_size": 16,
    "look_every": 1,
    "devices": 1,
}
SETS = {
    "degrade": "none",
    "image_size": 16,
    "share": 0.06,
    "width": 4,
    "critic_width": 4,
    "epochs": 1,
    "batch_size": 16,
    "look_every": 1,
    "devices": 1,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "adagan": {
        "components": 2,
        "component_steps": 3,
        "classifier_steps": 2,
        "candidates": 2,
        "seeds": 2,
        "hidden": (8,),
        "batch_size": 8,
        "devices": 1,
    },
    "beta_vae": {
        "hidden": (8,),
        "latents": 3,
        "steps": 6,
        "batch_size": 8,
        "image_size": 16,
        "betas": (4.0,),
        "seeds": 1,
        "score_examples": 200,
        "devices": 1,
    },
    "categorical_vae": DIGITS
    | {
        "latents": 3,
        "classes": 4,
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 1e-2,
        "temperature_rate": 0.02,
        "nll_samples": 20,
    },
    "convert_weights": {"network": "inception"},
    "cs_vae": DIGITS
    | {
        "epochs": 2,
        "batch_size": 64,
        "lambdas": (0.5, 4.0),
        "components": 3,
        "nll_samples": 4,
        "nll_images": 100,
    },
    "cut": SETS | {"best": "l1"},
    "cvae": DIGITS
    | {"epochs": 2, "batch_size": 64, "learning_rate": 5e-3, "nll_samples": 4},
    "cyclegan": SETS | {"best": "cycle", "identity_weight": 0.0, "pool": 3},
    "dag": DIGITS
    | {
        "methods": ("dag",),
        "shares": (0.5,),
        "hidden": (4,),
        "latents": 2,
        "steps": 1,
        "seeds": 1,
        "batch_size": 16,
        "samples": 12,
        "classifier_epochs": 4,
    },
    "discrete_vae_estimators": DIGITS
    | {
        "latents": 4,
        "steps": 20,
        "batch_size": 64,
        "estimators": ("REBAR",),
        "places": 1,
        "draws": 40,
        "images": 8,
    },
    "divergences": {
        "seeds": 2,
        "steps": 20,
        "learning_rate": 2e-2,
        "hidden": (16,),
        "penalties": (10.0,),
        "draws": 256,
        "distances": (0.5,),
        "farthest": 3.0,
        "bins": 6,
    },
    "dying_relu": {
        "learning_rates": (3e-2,),
        "seeds": 2,
        "hidden": (5, 4),
        "latents": 2,
        "modes": 3,
        "looked_at": 16,
        "steps": 4,
        "batch_size": 8,
        "steps_per_call": 4,
    },
    "estimator_variance": {
        "histogram_draws": 2000,
        "integrand_draws": 2000,
        "coins": (1, 3),
        "coin_draws": 400,
        "steps": 8,
        "samples": 10,
        "learning_rate": 3e-4,
        "snapshots": 2,
        "variance_draws": 64,
    },
    # Of the run of vae.
    "evaluate": {
        "features": ("random",),
        "num_samples": 40,
        "resamples": 4,
        "batch_size": 64,
        "nll_samples": 3,
        "nll_images": 9,
        "path_samples": 20,
    },
    "few_pairs": {
        "methods": ("l1", "augmented"),
        "shares": (0.1,),
        "seeds": 1,
        "steps": 1,
        "batch_size": 4,
        "image_size": 8,
        "width": 1,
        "critic_width": 1,
        "critic_layers": 1,
        "judged": 6,
        "devices": 1,
    },
    "gan": DIGITS
    | {
        "systems": ("non_saturating", "wgan"),
        "latents": 4,
        "conditional": "concat",
        "epochs": 2,
        "look_every": 1,
    },
    "gan_modes": {
        "remedies": ("none",),
        "seeds": 2,
        "hidden": (8,),
        "latents": 2,
        "steps": 6,
        "batch_size": 8,
        "frames": 3,
        "devices": 1,
    },
    "gan_vs_vae": DIGITS
    | {"latents": 3, "remedies": "none", "steps": 2, "samples": 100},
    "iwae": DIGITS
    | {
        "latents": 3,
        "steps": 20,
        "batch_size": 50,
        "ks": (1, 4),
        "compare_gradients": False,
        "nll_samples": 20,
        "nll_images": 120,
        "gradient_draws": 25,
        "learning_rate": 1e-2,
    },
    "pix2pix": PAIRS
    | {
        "epochs": 2,
        "decay": 0.0,
        "judged": 6,
        "depth": 2,
        "dropout": "none",
        "critic": "pixel",
    },
    "stacked_mnist": {
        "data": "digits",
        "remedies": ("pac2",),
        "stacked": 40,
        "width": 2,
        "latents": 2,
        "steps": 2,
        "batch_size": 4,
        "samples": 64,
        "looks": 2,
        "devices": 1,
    },
    # By the run of pix2pix.
    "translate": {"which": "last"},
    "vae": DIGITS | {"epochs": 2, "batch_size": 64},
}
"""Of every script, by its name."""

OF_RUNS = {"evaluate": "vae", "translate": "pix2pix"}
"""Scripts that need a run of another one."""
