"""StyleGAN learns to draw emoji, and goes on getting better.

Source: Karras et al., A Style-Based Generator Architecture for Generative Adversarial
Networks, 2019; Karras et al., Analyzing and Improving the Image Quality of StyleGAN,
2020; Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.

`python -m experiments.stylegan`: a small StyleGAN2 with adaptive augmentation on 1,266
emoji of 32 pixels, and beside it a DCGAN that is trained for as many seconds.
"""

import dataclasses
from typing import Any, Literal

from experiments.figures import stylegan as figures
from jaxgen import metrics, models, networks, random, run, run_files, training
from jaxgen.data import differentiable, transforms
from jaxgen.images import every_nth
from jaxgen.models import remedies


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    data: str = "emoji"
    """`emoji`, `mnist5k` or `digits` (embedded), a TFDS image set by name, or a
    folder."""
    image_size: int | None = 32
    """Pixels of a side, a power of two from 16 to 1024."""
    generation: Literal["stylegan2", "stylegan1"] = "stylegan2"
    """Which StyleGAN; the first one is not grown in training."""
    sizes: Literal["small", "auto", "config_f", "paper256", "paper512", "cifar"] = (
        "small"
    )
    """Of the networks, with the settings of their training: `small` (see below), or
    published ones, which want a GPU. The first StyleGAN has `small` and `auto`."""
    channel_base: int = 512
    """With small: layers of r pixels have this many channels, divided by r,"""
    channel_max: int = 32
    """but no more than these."""
    latents: int = 128
    """Dimension of the latent space; with small also of the styles."""
    augment: Literal["ada", "diff_augment", "dag", "none"] = "ada"
    """What is done to all that the critic sees, for sets of few images."""
    augment_examples: float = 100_000.0
    """Images in which the probability of `ada` can go from 0 to 1; 500,000 in its
    paper, whose trainings see 25 million."""
    r1_weight: float | None = None
    """gamma of the R1 penalty; by default that of the sizes."""
    truncation: float = 0.7
    """How far styles are from their average in the figures."""
    dcgan_width: int = 32
    """Channels of the finest layers of the DCGAN beside it; 0 for none."""
    epochs: int = 100
    """Passes over the training images."""
    batch_size: int = 32
    """Images a step, over all devices."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Of both networks of StyleGAN; by default that of the sizes."""
    look_every: int = 5
    """Epochs from one look at the samples to the next."""


def _cannot_tell(system: figures.System) -> str:
    return "fewer than 6 looks at the samples" if len(system.looks) < 6 else ""


def _find(system: figures.System) -> run.Finding:
    end, third = system.end, system.third
    assert None not in (end.low, end.high, third.low, third.high)
    held = True if end.high < third.low else None
    return run.Finding(
        held=False if end.low > third.high else held,
        name="FD at the end",
        number=end,
        reference=f"at a third of the training {third}",
        note="one seed",
    )


CLAIM = run.Claim(
    "The Frechet distance of the samples at the end of the training is below that at "
    "a third of it.",
    applies=_cannot_tell,
    check=_find,
)


def build(config: Config, name: str, shape: Any) -> models.GAN:
    """Returns the system of that name for images of a shape."""
    if name == "dcgan":
        paper, width = models.PUBLISHED_GANS["non_saturating"], config.dcgan_width
        return models.published_gan(
            "non_saturating",
            networks.dcgan_generator(shape, width=width),
            networks.dcgan_critic(width=width, normalization=paper.normalization),
            latents=config.latents,
            ema_decay=0.99,
            signed=True,
        )
    own = {"channel_base": config.channel_base, "channel_max": config.channel_max}
    own |= {"latents": config.latents, "style_features": config.latents}
    sizes = config.sizes
    if sizes == "small":
        sizes = networks.StyleGAN2Config(**own)
    augment, size = config.augment, shape[0]
    adapted = {"examples": config.augment_examples, "every": 4}
    makers = {
        "ada": lambda: remedies.adaptive_augment(differentiable.ada(), **adapted),
        "diff_augment": lambda: remedies.augment(differentiable.diff_augment()),
        "dag": lambda: remedies.dag(transforms.rotations()),
        "none": lambda: None,
    }
    return models.stylegan(
        models.StyledGenerator(
            networks.stylegan2_mapping(sizes),
            networks.stylegan2_synthesis(size, sizes, shape[-1]),
            networks.stylegan2_num_styles(size),
        ),
        networks.stylegan2_critic(sizes),
        image_size=size,
        batch_size=config.batch_size,
        latents=config.latents,
        preset="auto" if config.sizes == "small" else config.sizes,
        augment=makers[augment](),
        learning_rate=config.learning_rate,
        r1_weight=config.r1_weight,
    )


def equal_seconds(
    config: Config, setup: run.Setup, folder: Any, dcgan: models.GAN
) -> run.Setup:
    """Returns a setup with as many steps of a DCGAN as take as long as StyleGAN's.

    Its speed is measured over three epochs. The steps are kept in the folder, so that a
    run that is resumed takes the same.
    """
    parts = folder.path / "parts"
    path, of = parts / "dcgan" / "length.json", setup.steps
    kept = run_files.read_object(path) if path.exists() else {}
    if kept.get("stylegan_steps") != of:
        trial = min(3 * setup.batches.steps_per_epoch, of)
        run.train(
            config,
            setup._replace(steps=trial),
            folder,
            dcgan,
            part="dcgan",
            convolutional=True,
        )
        own, other = (
            run.median_rate(parts / name / "metrics.jsonl")
            for name in ("dcgan", config.generation)
        )
        times = own / other if own and other else 1.0
        kept = {"stylegan_steps": of, "steps": max(round(of * times), trial)}
        training.write_json(path, kept)
    return setup._replace(steps=kept["steps"])


def main(config: Config) -> dict[str, Any]:
    """Trains, compares, draws; returns the numbers for the head of the page."""
    run.check_positive(
        config, "channel_base", "channel_max", "latents", "augment_examples"
    )
    run.check_positive(config, "look_every")
    run.check_bounds(config, "r1_weight", least=0)
    setup = run.prepare(config)
    names = [config.generation, *(["dcgan"] if config.dcgan_width else [])]
    made = {name: build(config, name, setup.train.image_shape) for name in names}
    run.check_models(setup, *made.values(), step=True)
    shown = setup.test.read(every_nth(len(setup.test), 64))["image"]
    systems, mixed = {}, {}
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "stylegan",
            "-".join([setup.train.name, *names, config.sizes, config.augment]),
            title=f"StyleGAN on {setup.train.name}",
            claim=CLAIM,
            labels=figures.LABELS,
        )
        with run.display() as show:
            nets = metrics.features.random_features(setup.train)
            real = metrics.quality_reference(
                setup.test, setup.train, nets=nets, progress=show
            )
        for name, model in made.items():
            home, own, key = folder.path / "parts" / name, setup, setup.key
            if name == "dcgan":
                own = equal_seconds(config, setup, folder, model)
            state = run.train(
                config,
                own,
                folder,
                model,
                part=name,
                convolutional=True,
                callbacks=(
                    run.snapshots(home / "epochs.npz", own, model, number=10, most=8),
                    run.every_epochs(
                        own,
                        metrics.gan_monitors(
                            home,
                            model,
                            key,
                            real,
                            own.train,
                            own.test,
                            own.batches.steps_per_epoch,
                            intervals=True,
                        ),
                        max(config.look_every * own.steps // setup.steps, 1),
                    ),
                ),
                terms=("critic_loss", "generator_loss", "real_logit", "fake_logit"),
            )
            logits = {"real_logit": "held_out_logit"}
            run.merge_parts(
                folder, [name], split="train", held_out=logits, beside="quality.jsonl"
            )
            state = training.on_one_device(state)
            key = random.stream(setup.key, "figures")
            samples = figures.draw_samples(
                key, model, state, figures.LABELS[name], config.truncation
            )
            if name == config.generation:
                key = random.stream(setup.key, "mixed")
                mixed = figures.mixed_styles(key, model, state, 6, config.truncation)
            systems[name] = figures.read_system(
                folder, name, state, samples, own.batches.batch_size
            )
        run.merge_parts(folder, names, split="monitor", file="monitor.jsonl")
    return run.finish(
        folder,
        figures.headline(systems),
        seconds=seconds(),
        tables=[figures.table(systems, real)],
        verdict=CLAIM.verdict(systems[config.generation]),
        figures=figures.figures(systems, shown, mixed, real.floor),
    )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or CLAIM.sentence)
