"""A translator of few pairs: what DAG and DiffAugment mend of its overfitting.

Claim: With few pairs the critic of a translator knows them by heart, and translations
of other images get worse; heads for transforms (DAG) and DiffAugment mend part of it.

Source: Tran et al., On Data Augmentation for GAN Training, 2021; Zhao et al.,
Differentiable Augmentation for Data-Efficient GAN Training, 2020; Isola et al.,
Image-to-Image Translation with Conditional Adversarial Networks, 2017.

Command: TODO
"""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments import (
    command,
    few_pairs_parts,
    training_run,
    translation_data,
    translation_findings,
    translation_judge,
)
from experiments.few_pairs_members import member_of, members
from experiments.few_pairs_parts import Judged, Method
from experiments.latent_arrays import every_nth, on_one_device, save
from experiments.translation_judge import Judge
from jaxgen import models, random, training
from jaxgen.errors import InputError
from jaxgen.metrics.resampling import mean_interval

SHOWN = 10
"""Held-out images in the figure of the least share."""

Found = Mapping[tuple[float, str], list[Judged]]
"""By share and method, one entry a seed."""


@dataclasses.dataclass(frozen=True)
class Config(
    training_run.RunOptions,
    few_pairs_parts.SystemOptions,
    translation_data.PairOptions,
):
    """Options of the script."""

    methods: tuple[str, ...] = ("l1", "plain", "augmented", "diff_augment", "dag")
    """Ways to train: `plain`; `l1` (no critic at all); `augmented`, with data that are
    flipped and cropped at random; or what helps the critic by name, as `dag`,
    `diff_augment`, `ada`, `shared` or `r1=10`; several are joined by a plus."""
    shares: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)
    """Shares of the training pairs; smaller ones are parts of larger ones."""
    seeds: int = 2
    """Models of each kind; those of all seeds and shares are trained at once."""
    judged: int = 256
    """Held-out images that are looked at, at most, and as many of training."""
    epochs: int = 60
    """Passes over the largest share, where there is no `--steps`."""
    steps: int | None = 1000
    """Steps of every model, whatever its share."""
    batch_size: int = 8
    """Pairs a step of each model, over all devices."""
    learning_rate: float = 1e-3
    """Learning rate of Adam, of all networks."""
    image_size: int = 32
    """Side of the images as networks see them, in pixels."""
    flip: bool = False
    """Flip half of the training images left to right in all methods, not `augmented`
    alone."""


def build(config: Config, method: Method, setup: training_run.Setup) -> models.Ensemble:
    """Returns all seeds of one method."""
    channels = tuple(one.image_shape[-1] for one in (setup.test.a, setup.test.b))
    return models.ensemble(
        lambda _: few_pairs_parts.model_of(config, method, channels, setup.steps)[0],
        num_seeds=config.seeds,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains each method on each share, judges, draws; returns scores of the least."""
    methods = _check(config)
    shares = tuple(sorted(config.shares))
    setups = {
        method.word: few_pairs_parts.setup_of(config, method, shares)
        for method in methods
    }
    first = setups[methods[0].word]
    with training_run.timed() as seconds:
        judge = translation_judge.judge_of(
            translation_data.judged_images(first.test, config.judged),
            translation_data.mean_images(config, first.key),
        )
        folder = training_run.open_folder(
            config,
            "few_pairs",
            f"{first.test.name}-{config.system}",
            title=f"{config.system} of few pairs of {first.test.name}",
            doc=__doc__ or "",
            fixed=training_run.LENGTH,
            records=False,
        )
        found: dict[tuple[float, str], list[Judged]] = {}
        for method in methods:
            print(method.label, file=sys.stderr, flush=True)
            own = setups[method.word]
            state = _trained(config, method, own, folder)
            for place, share in enumerate(shares):
                found[share, method.word] = _judged(
                    config, method, own, state, place, judge
                )
        _write(folder, judge, methods, first, shares, found)
    results = _results(judge, methods, shares, found)
    tables = [_table(config, judge, methods, first, shares, found)]
    return training_run.finish(folder, results, seconds=seconds(), tables=tables)


def _trained(
    config: Config,
    method: Method,
    setup: training_run.Setup,
    folder: training.RunFolder,
) -> Any:
    state = training_run.train(
        config,
        setup._replace(test_batches=None),  # They are judged at the end.
        folder,
        members(build(config, method, setup)),
        part=method.part,
        # Several steps in a call would be compiled more than once, for nothing: a step
        # of so many models at once is longer than its call.
        steps_per_call=1,
        evaluate_every=max(setup.steps // 10, 1),
        terms=("generator_loss", "critic_sum"),
    )
    return on_one_device(state)


def _judged(
    config: Config,
    method: Method,
    setup: training_run.Setup,
    state: Any,
    place: int,
    judge: Judge,
) -> list[Judged]:
    channels = judge.inputs.shape[-1], judge.targets.shape[-1]
    model, loss = few_pairs_parts.model_of(config, method, channels, setup.steps)
    one = few_pairs_parts.direction_of(config, model, judge, loss)
    look = few_pairs_parts.look_at(one, method)
    share = sorted(config.shares)[place]
    known = few_pairs_parts.known_images(config, setup.key, share, config.judged)
    return [
        few_pairs_parts.judged(
            look, member_of(state, place, seed), known, random.stream(setup.key, "look")
        )
        for seed in range(config.seeds)
    ]


def _check(config: Config) -> list[Method]:
    command.check_positive(
        config,
        *("width", "critic_width", "critic_layers", "shares", "seeds", "judged"),
    )
    command.check_not_negative(config, "l1_weight")
    if max(config.shares) > 1 or len(set(config.shares)) < len(config.shares):
        raise InputError(
            f"--shares holds {' '.join(f'{share:g}' for share in config.shares)}: give "
            "each share of the training pairs once, up to 1."
        )
    if len(set(config.methods)) < max(len(config.methods), 1):
        raise InputError(
            f"--methods holds {' '.join(config.methods) or 'nothing'}: give each "
            "method once, one at least."
        )
    methods = [few_pairs_parts.method_of(word) for word in config.methods]
    for method in methods:
        if config.system == "cyclegan" and not method.adversarial:
            raise InputError(
                f"--methods holds {method.word}, and a cyclegan learns from its "
                "critics alone: leave it out."
            )
        few_pairs_parts.model_of(config, method, (3, 3), 1)  # refuses unknown remedies
    return methods


def _metric(judge: Judge) -> str:
    return "l1" if judge.aligned else "fd"


def _write(
    folder: training.RunFolder,
    judge: Judge,
    methods: list[Method],
    setup: training_run.Setup,
    shares: tuple[float, ...],
    found: Found,
) -> None:
    metric = _metric(judge)

    def all_of(value: Any) -> np.ndarray:
        return np.array(
            [
                [[value(one) for one in found[share, m.word]] for m in methods]
                for share in shares
            ],
            float,
        )

    identity, mean = _baselines(judge)
    translation_findings.write_shares(
        folder.arrays,
        names=[method.label for method in methods],
        shares=shares,
        pairs=[len(pairs) for pairs in setup.train],
        values=all_of(lambda one: one.scores[metric]),
        metric=metric,
        identity=identity,
        mean_image=mean,
    )
    names = np.array([method.label for method in methods])
    pairs = np.array([len(one) for one in setup.train])
    nan = float("nan")
    save(
        folder.arrays / "few_pairs.npz",
        names=names,
        pairs=pairs,
        gaps=all_of(lambda one: nan if one.gap is None else one.gap),
        remembered=all_of(
            lambda one: nan if one.trained is None else one.scores["l1"] - one.trained
        ),
        **{
            f"held_out_{name}": all_of(lambda one, name=name: one.scores[name])
            for name in judge.metrics
        },
    )
    some = every_nth(len(judge.inputs), SHOWN)
    outputs = [found[shares[0], m.word][0].outputs[some] for m in methods]
    truth = judge.targets[some] if judge.aligned else None
    save(
        folder.arrays / "few_pairs_pictures.npz",
        names=names,
        pairs=pairs[0],
        inputs=translation_findings.pictures(judge.inputs[some]),
        outputs=np.stack([translation_findings.pictures(one) for one in outputs]),
        **({} if truth is None else {"truth": translation_findings.pictures(truth)}),
    )


def _baselines(judge: Judge) -> tuple[float | None, float | None]:
    """The main metric of the inputs as they are, and of the mean training target."""
    identity = mean = None
    if judge.inputs.shape[1:] == judge.targets.shape[1:]:
        identity = translation_judge.quick_scores(judge, judge.inputs)[_metric(judge)]
    if judge.aligned:
        same = np.broadcast_to(judge.mean_image, judge.targets.shape)
        mean = float(few_pairs_parts.distances_of(same, judge.targets).mean())
    return identity, mean


def _results(
    judge: Judge, methods: list[Method], shares: tuple[float, ...], found: Found
) -> dict[str, tuple[float, str]]:
    metric = _metric(judge)
    scale, unit = (100.0, "% of the range") if metric == "l1" else (1.0, "")
    return {
        f"{translation_judge.TITLES[metric]}, {method.label}": (
            scale * float(_mean(found[shares[0], method.word], metric)),
            f"{unit}, {shares[0]:.0%} of the pairs".lstrip(", "),
        )
        for method in methods
    }


def _table(
    config: Config,
    judge: Judge,
    methods: list[Method],
    setup: training_run.Setup,
    shares: tuple[float, ...],
    found: Found,
) -> dict[str, Any]:
    told = judge.protocol
    margins = judge.aligned and "plain" in config.methods
    columns = ["pairs", "method"]
    if judge.aligned:
        columns += ["L1", "of each seed", "L1 of training pairs", "PSNR, dB", "SSIM"]
    if margins:
        columns.insert(4, "below no remedy by")
    columns += ["FD", "critic's gap"] if judge.nets else ["critic's gap"]
    rows = []
    for pairs, share in zip(setup.train, shares, strict=True):
        for method in methods:
            own = found[share, method.word]
            row = [f"{len(pairs):,}", method.label]
            if judge.aligned:
                row.append(f"{_mean(own, 'l1'):.4f}")
                row.append(" ".join(f"{one.scores['l1']:.4f}" for one in own))
                if margins:
                    row.append(_margin(found[share, "plain"], own, method))
                row.append(f"{np.mean([one.trained for one in own]):.4f}")  # pyright: ignore[reportCallIssue, reportArgumentType]
                row += [f"{_mean(own, 'psnr'):.2f}", f"{_mean(own, 'ssim'):.3f}"]
            if judge.nets:
                row.append(f"{_mean(own, 'fd'):.2f}")
            gaps = [one.gap for one in own if one.gap is not None]
            row.append(f"{np.mean(gaps):.2f}" if gaps else "–")
            rows.append(row)
    note = (
        f"{told['held-out inputs']} held-out images of {told['size']}, all models "
        f"after {setup.steps:,} steps of {config.batch_size} pairs, means over "
        f"{config.seeds} seeds. "
    )
    if judge.aligned:
        note += "L1 is in units of the pixels from 0 to 1. "
    if margins:
        note += "Margins have 95 % intervals over images, of these very models. "
    note += (
        "The critic's gap says how far from training images to translations it puts "
        "held-out real ones: 0 is a critic that judges, 1 one that remembers; none "
        "where it does not tell real from translated."
    )
    return {
        "title": f"Held-out images by how many pairs there are, {told['direction']}",
        "note": note,
        "columns": columns,
        "words": 2,
        "rows": rows,
    }


def _mean(models: list[Judged], metric: str) -> float:
    return float(np.mean([one.scores[metric] for one in models]))


def _margin(plain: list[Judged], own: list[Judged], method: Method) -> str:
    """How much better than without a remedy, by image: the mean over seeds."""
    if method.word == "plain":
        return "–"
    less = np.mean(
        [
            one.distances - other.distances
            for one, other in zip(plain, own, strict=True)
        ],
        axis=0,
    )
    value, low, high = mean_interval(less)
    text = f"{value:.4f} ({low:.4f} to {high:.4f})"
    return text.replace("-", "\N{MINUS SIGN}")


if __name__ == "__main__":
    command.run(main, Config, __doc__ or "")
