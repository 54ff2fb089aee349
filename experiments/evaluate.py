"""What a trained run is worth, or how far two sets of images lie apart.

Source: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017; Kynkäänniemi
et al., Improved Precision and Recall, 2019; Naeem et al., Reliable Fidelity and
Diversity Metrics, 2020; Sajjadi et al., Assessing Generative Models via Precision and
Recall, 2018; Ghosh et al., From Variational to Deterministic Autoencoders, 2020, for
the sampler that is fitted after training.

Command: `python -m experiments.evaluate runs/vae/mnist5k-mlp-z2` judges a run: what its
model makes of the test images, samples from its prior, and samples from a mixture of 10
Gaussians fitted to the latents of the training images. The numbers go to
`evaluation.json` in the run's folder and onto its page. It takes 47 seconds of one CPU
core, 27 once the classifier is in the cache. FD of the classifier's features from 500
test images (95 % intervals): reconstructions 60 (56 to 64), prior 70 (66 to 74),
mixture 65 (59 to 71), real images 1.6. For 16 latents, 20 epochs of MNIST and 10,000
images of each set: 2.93 (2.86 to 3.00), 17.2 (16.5 to 17.9), 6.3 (6.0 to 6.6) and 0.15,
in 80 seconds on 2 cores with the classifier cached: the sampler that is fitted
afterwards takes nearly two thirds off the prior's distance.

A GAN encodes nothing and has no likelihood: of a run of `experiments.gan` or
`experiments.gan_vs_vae` its samples are judged, drawn from the averaged generator where
it has one.

`python -m experiments.evaluate REAL GENERATED` compares two folders of images, or two
`.npy` files: images, shape (n, height, width, channels), bytes or floats in [0, 1]; or
features, shape (n, d). The page goes to runs/evaluate.

Features: `classifier` is a small network trained on the run's training images (or on
REAL, where it has a subfolder for each class), and kept for the next time; `random` are
random convolutions, averaged over seeds; a file of Inception weights gives FID. Numbers
of different networks do not compare.
"""

import dataclasses
import shlex
import time
from pathlib import Path
from typing import Annotated, Any, TypeVar

import jax

from experiments import (
    evaluation_files,
    image_sets,
    judged_sets,
    restored_runs,
    vae_parts,
)
from jaxgen import metrics, models, random, run, training
from jaxgen.errors import InputError
from jaxgen.metrics import Measure, mean_interval, path_measure
from jaxgen.metrics.features import FeatureNet
from jaxgen.typing import PRNGKeyArray

CLAIM = (
    "Numbers of generated images say something when they stand beside their "
    "interval, beside what real images get of the same number, and beside what was "
    "done to get them."
)

try:
    from tyro.conf import Positional
except ImportError:  # run.command_line says what to install
    Positional = Annotated[TypeVar("T"), None]

OF_RUNS = ("models", "path_samples", "nll_samples", "nll_images", "data_dir")
OF_PAIRS = ("image_size", "output", "name")
OF_IMAGES = ("features", "image_size", "batch_size")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    paths: Positional[tuple[str, ...]] = ()  # pyright: ignore[reportInvalidTypeForm]
    """The folder of a run; or two sets, first the real one, then the generated one."""
    features: tuple[str, ...] = ()
    """Feature networks: `classifier` (the default where there are labels), `random`
    (where there are none), or a file of Inception weights (.pth or .safetensors)."""
    num_samples: int | None = None
    """Images of each set; by default as many as there are, at most 10,000. Without
    training images half of the real ones are the floor: two sets of n need 2 n."""
    resamples: int = 50
    """Half-samples that the intervals are made of."""
    confidence: float = 0.95
    """Level of the intervals."""
    seed: int = 0
    """Seed of samples, projections and resamples."""
    batch_size: int = 256
    """Images that go through a feature network at once."""

    models: tuple[str, ...] = ()
    """Run: which of its models, where it trained several; all by default."""
    path_samples: int = 1000
    """Run: paths between latents of a standard normal prior, for the perceptual path
    length; 0 for none."""
    nll_samples: int = 0
    """Run: samples for the importance-sampled -log p(x) of a test image; 0 for none."""
    nll_images: int | None = None
    """Run: test images that it is measured on; all by default."""
    data_dir: str | None = None
    """Run: where TFDS keeps its prepared sets now, if not where it did in training."""

    image_size: int | None = None
    """Two folders: resize and crop the images to this many pixels a side."""
    output: str = "runs"
    """Two sets: folder of all runs; the page goes to OUTPUT/evaluate/NAME."""
    name: str | None = None
    """Two sets: name of the run; by default made of theirs, numbered if taken."""


def main(config: Config) -> dict[str, Any]:
    """Evaluates, draws the page; returns the measures by metric and set, and `page`."""
    _check(config)
    if len(config.paths) == 1:
        return judge_run(config)
    return compare_pair(config)


def judge_run(config: Config) -> dict[str, Any]:
    """Judges the models of a run."""
    start = time.monotonic()
    run.print_line(f"Loading the run {config.paths[0]}")
    restored = restored_runs.restore(Path(config.paths[0]), data_dir=config.data_dir)
    chosen = chosen_models(config, restored)
    pictures = judged_sets.pictures_of(restored.config)
    found, notes = [], {}
    with run.display() as show:
        nets = metrics.features.named_features(
            config.features, pictures.train, pictures.test, progress=show
        )
        for name, (model, state) in chosen.items():
            # The same keys: all models are compared with the same images.
            of_sets, of_metrics, of_likelihood, of_path = (
                random.stream(root_key(config), part)
                for part in ("sets", "metrics", "likelihood", "path")
            )
            judged = judged_sets.judged_sets(of_sets, model, state, pictures)
            evaluation = metrics.evaluate(
                judged.samplers,
                pictures.test,
                key=of_metrics,
                reconstructions=judged.reconstructions,
                train=pictures.train,
                feature_nets=nets,
                num_samples=config.num_samples,
                resamples=config.resamples,
                confidence=config.confidence,
                batch_size=config.batch_size,
                progress=show,
            )
            more = []
            if judged.path is not None and config.path_samples:
                show("path length", 0, None)
                more.append(path_length(config, of_path, judged, nets))
            if config.nll_samples and isinstance(model, models.VAE):
                more.append(
                    measure_likelihood(config, of_likelihood, restored, model, state)
                )
            evaluation = evaluation._replace(measures=[*evaluation.measures, *more])
            steps = f"{int(state.step):,} steps"
            notes[name] = {"trained for": steps, "samples": judged.note}
            found.append((name if len(chosen) > 1 else "", evaluation))
    whole = evaluation_files.merged(found)
    own = evaluation_files.protocol_of_run(restored, pictures, notes)
    whole = whole._replace(protocol={**own, **whole.protocol})
    seconds = time.monotonic() - start
    return evaluation_files.finish(
        restored.path, whole, command=command_line(config), seconds=seconds
    )


def path_length(
    config: Config,
    key: PRNGKeyArray,
    judged: judged_sets.Judged,
    nets: list[FeatureNet | tuple[FeatureNet, ...]],
) -> Measure:
    """Measures the perceptual path length in the features of the first network."""
    assert judged.path is not None
    decode, num_latents = judged.path
    first = nets[0]
    return path_measure(
        key,
        decode,
        first if isinstance(first, FeatureNet) else first[0],
        num_latents,
        images=judged_sets.PRIOR,
        num_samples=config.path_samples,
        confidence=config.confidence,
    )


def compare_pair(config: Config) -> dict[str, Any]:
    """Compares two folders of images, or two files."""
    start = time.monotonic()
    run.print_line(f"Reading {' and '.join(config.paths)}")
    pair = image_sets.load_pair(*map(Path, config.paths), image_size=config.image_size)
    if pair.features:
        why = "the files hold features already, and no images"
        _check_unused(config, OF_IMAGES, why)
    common: dict[str, Any] = {
        "key": random.stream(root_key(config), "metrics"),
        "resamples": config.resamples,
        "confidence": config.confidence,
    }
    with run.display() as show:
        if pair.features:
            sets = image_sets.features_of(pair, config.num_samples)
            evaluation = metrics.evaluate_features(*sets, progress=show, **common)
        else:
            evaluation = metrics.evaluate(
                {"generated": pair.generated},
                pair.real,
                feature_nets=metrics.features.named_features(
                    config.features, pair.real, progress=show
                ),
                num_samples=config.num_samples,
                batch_size=config.batch_size,
                progress=show,
                **common,
            )
    own = {"real": config.paths[0], "generated": config.paths[1]}
    if pair.note:
        own["channels"] = pair.note
    if config.image_size is not None:
        own["size"] = f"resized and cropped to {config.image_size} pixels a side"
    evaluation = evaluation._replace(protocol={**own, **evaluation.protocol})
    # Only now: what cannot be compared leaves no folder behind.
    folder = open_folder(config)
    run.follow_run(folder, new=True)
    seconds = time.monotonic() - start
    results = evaluation_files.headline(evaluation)
    training.write_json(folder.summary, {"results": results, "seconds": seconds})
    return evaluation_files.finish(
        folder.path, evaluation, command=command_line(config), seconds=seconds
    )


def root_key(config: Config) -> PRNGKeyArray:
    """Returns the root key."""
    return jax.random.key(config.seed)


def chosen_models(config: Config, restored: restored_runs.Restored) -> dict[str, Any]:
    """Returns the models of a run that are asked for, each with its state."""
    unknown = [name for name in config.models if name not in restored.models]
    if unknown:
        raise InputError(
            f"--models {' '.join(map(repr, unknown))}: the run {restored.path} has "
            f"{', '.join(map(repr, restored.models))}."
        )
    names = config.models or tuple(restored.models)
    chosen = {name: restored.models[name] for name in dict.fromkeys(names)}
    likely = (isinstance(model, models.VAE) for model, _ in chosen.values())
    if config.nll_samples and not any(likely):
        raise InputError(
            f"--nll-samples is {config.nll_samples}, but a GAN has no likelihood: "
            "leave it out."
        )
    return chosen


def measure_likelihood(
    config: Config,
    key: PRNGKeyArray,
    restored: restored_runs.Restored,
    model: Any,
    state: Any,
) -> Measure:
    """Estimates the mean of -log p(x) over test images, with its interval."""
    found = vae_parts.measure_likelihood(
        key,
        model,
        state,
        restored.setup,
        num_samples=config.nll_samples,
        num_images=config.nll_images,
    )
    given = "" if model.num_classes is None else " given its label"
    return Measure(
        f"negative log-likelihood{given}, nats",
        judged_sets.PRIOR,
        *mean_interval(found.per_image, confidence=config.confidence),
        note=f"Importance sampling, {found.num_samples:,} samples of q(z|x) for each "
        f"of {found.num_images:,} test images; in expectation an upper bound. "
        f"{found.effective_samples:,.0f} of the samples are effective (median).",
    )


def open_folder(config: Config) -> training.RunFolder:
    """Makes the folder of a comparison."""
    real, generated = (Path(path).resolve().name for path in config.paths)
    stems = (name.removesuffix(".npy") for name in (real, generated))
    return training.open_run(
        Path(config.output) / "evaluate",
        "-".join(stems) if config.name is None else config.name,
        {
            "experiment": "evaluate",
            "title": f"{generated} against {real}",
            "claim": CLAIM,
            "command": command_line(config),
            "config": dataclasses.asdict(config),
            # Nothing here is trained, and no record is logged along the way.
            "records": False,
        },
        resume=False,
        free=set(),
        exact=config.name is not None,
    )


def command_line(config: Config) -> str:
    """Returns the command that gives these options: paths have no flag."""
    words = shlex.split(run.command_of(dataclasses.replace(config, paths=())))
    return shlex.join([*words[:3], *config.paths, *words[3:]])


def _check(config: Config) -> None:
    run.check_positive(config, "num_samples", "batch_size", "image_size")
    run.check_bounds(config, "nll_images", "resamples", least=2)
    run.check_bounds(config, "confidence", above=0, below=1)
    metrics.features.check_feature_names(config.features)
    if len(config.paths) not in (1, 2):
        raise InputError(
            f"{len(config.paths)} paths were given: give the folder of one run, or two "
            "sets to compare, first the real one."
        )
    if len(config.paths) == 1:
        _check_unused(config, OF_PAIRS, "only the comparison of two sets reads it")
    else:
        _check_unused(config, OF_RUNS, "only the evaluation of a run reads it")
    if config.nll_images is not None and not config.nll_samples:
        raise InputError(
            f"--nll-images is {config.nll_images}, but no likelihood is asked for: "
            "give --nll-samples too."
        )


def _check_unused(config: Config, names: tuple[str, ...], why: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value != getattr(Config, name):
            shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
            raise InputError(
                f"--{name.replace('_', '-')} is {shown}, but {why}: leave it out."
            )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
