"""A translator of few pairs: what DAG and DiffAugment mend of its overfitting.

Source: Tran et al., On Data Augmentation for GAN Training, 2021; Zhao et al.,
Differentiable Augmentation for Data-Efficient GAN Training, 2020; Isola et al.,
Image-to-Image Translation with Conditional Adversarial Networks, 2017.

Command: `python -m experiments.few_pairs`; by extrapolation about a quarter of an hour
on 2 cores. What `--methods plain dag diff_augment --steps 400 --seeds 1` gives on 158
held-out emoji (L1 in pixels from 0 to 1; 0.147 is that of the input as it is, 0.202
that of the mean image):

    pairs                     63     158     316     633
    L1   no remedy         0.142   0.142   0.138   0.138
         DAG               0.143   0.144   0.138   0.138
         DiffAugment       0.140   0.139   0.134   0.134
    FD   no remedy          13.1    11.6    14.4    13.7
         DAG                13.5    11.8    13.6    14.5
         DiffAugment        15.3    15.1    17.4    16.3
    L1 of training pairs, the same for all three to 0.004:
                           0.072   0.106   0.122   0.130

So the generator overfits, and strongly: with 63 pairs the error on what it has seen is
half of that on what it has not. The critic does not, after so few steps: it puts
held-out pairs where it puts those of training (gaps from -0.13 to 0.03), and DAG, which
would mend that, changes nothing. DiffAugment lowers the L1 by 0.002 to 0.005 with few
pairs and with many, and raises the Frechet distance by 2 to 3: not a cure of
overfitting, but what a weaker critic would do, which leaves more to the L1 and its
blurred optimum. One seed: smaller differences than these say nothing. At a weight of
100 the L1 is most of what pix2pix learns from; the published gains of DAG (labels to
photo, accuracy per pixel from .21 to .59) are of CycleGAN, which has no such guide.
"""

import dataclasses
from typing import Any

import jax

from experiments.few_pairs_studies import findings as few_pairs_findings
from experiments.few_pairs_studies import judge as few_pairs_judge
from experiments.few_pairs_studies import parts
from experiments.few_pairs_studies.findings import Findings
from experiments.few_pairs_studies.judge import Judged
from experiments.few_pairs_studies.members import member_of, members
from experiments.few_pairs_studies.parts import Method
from jaxgen import data, metrics, models, random, run, training
from jaxgen.errors import InputError
from jaxgen.training import on_one_device

CLAIM = (
    "With few pairs a translator knows them by heart, and its translations of other "
    "images get worse. Heads of the critic for transforms (DAG) and DiffAugment, "
    "which help a GAN of few images, can mend of it what is the critic's; what is "
    "the generator's is not."
)


@dataclasses.dataclass(frozen=True)
class Config(
    run.RunOptions,
    parts.SystemOptions,
    run.PairOptions,
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


def build(config: Config, method: Method, setup: run.Setup) -> models.Ensemble:
    """Returns all seeds of one method."""
    channels = tuple(one.image_shape[-1] for one in (setup.test.a, setup.test.b))
    return models.ensemble(
        lambda _: parts.model_of(config, method, channels, setup.steps)[0],
        num_seeds=config.seeds,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains each method on each share, judges, draws; returns scores of the least."""
    methods = _check(config)
    shares = tuple(sorted(config.shares))
    run.print_line(f"Loading the images: {config.data}")
    setups = {method.word: parts.setup_of(config, method, shares) for method in methods}
    first = setups[methods[0].word]
    for method in methods:
        own = setups[method.word]
        run.check_models(own, members(build(config, method, own)))
    with run.timed() as seconds:
        test = data.read_pairs(first.test, config.judged)
        reference = metrics.translation_reference(
            test.a,
            test.b,
            run.training_images(config, first.key).b,
            aligned=test.aligned,
        )
        folder = run.open_folder(
            config,
            "few_pairs",
            f"{first.test.name}-{config.system}",
            title=f"{config.system} of few pairs of {first.test.name}",
            claim=CLAIM,
            fixed=run.LENGTH,
            records=False,
        )
        found: dict[tuple[float, str], list[Judged]] = {}
        for method in methods:
            run.print_line(method.label)
            own = setups[method.word]
            state = _trained(config, method, own, folder)
            run.print_line(f"Judging {method.label}")
            for share, models_of in zip(
                shares, _judged(config, method, own, state, reference), strict=True
            ):
                found[share, method.word] = models_of
        findings = Findings(reference, methods, shares, found, first)
        few_pairs_findings.write(folder.arrays, findings)
    results = few_pairs_findings.results(findings)
    tables = [few_pairs_findings.table(config, findings)]
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def _trained(
    config: Config,
    method: Method,
    setup: run.Setup,
    folder: training.RunFolder,
) -> Any:
    state = run.train(
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
    setup: run.Setup,
    state: Any,
    reference: metrics.TranslationReference,
) -> list[list[Judged]]:
    """Returns what the models are worth, by share and seed."""
    channels = reference.inputs.shape[-1], reference.targets.shape[-1]
    model, loss = parts.model_of(config, method, channels, setup.steps)
    one = few_pairs_judge.direction_of(config, model, reference, loss)
    look = few_pairs_judge.look_at(one, method)
    found = []
    for place, share in enumerate(sorted(config.shares)):
        known = few_pairs_judge.known_images(config, setup.key, share, config.judged)
        members = (member_of(state, place, seed) for seed in range(config.seeds))
        key = random.stream(setup.key, "look")
        found.append(
            [
                few_pairs_judge.judged(look, own, known, jax.random.clone(key))
                for own in members
            ]
        )
    return found


def _check(config: Config) -> list[Method]:
    run.check_positive(
        config,
        "width",
        "critic_width",
        "critic_layers",
        "shares",
        "seeds",
        "judged",
    )
    run.check_bounds(config, "l1_weight", least=0)
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
    data.degradation_of(config.degrade)
    methods = [parts.method_of(word) for word in config.methods]
    for method in methods:
        if config.system == "cyclegan" and not method.adversarial:
            raise InputError(
                f"--methods holds {method.word}, and a cyclegan learns from its "
                "critics alone: leave it out."
            )
        parts.model_of(config, method, (3, 3), 1)  # refuses unknown remedies
    return methods


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
