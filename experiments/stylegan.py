"""The samples of a StyleGAN2 still improve after a third of its training.

Source: Karras et al., A Style-Based Generator Architecture for Generative Adversarial
Networks, 2019; Karras et al., Analyzing and Improving the Image Quality of StyleGAN,
2020; Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.

`python -m experiments.stylegan`: a small StyleGAN2 with ADA on 1,266 emoji, then a
DCGAN for as many seconds; 20 minutes of two CPU cores, one seed. The Frechet distance
falls from 21.2 +- 2.5 at a third of the training to 14.5 +- 2.4; that of the DCGAN, of
3 times the size and after 6 times the images, to 5.0 +- 1.0.
"""

import dataclasses
from typing import Any, Literal

from experiments.figures import stylegan as figures
from jaxgen import metrics, models, networks, run, training
from jaxgen.data import differentiable, transforms
from jaxgen.models import remedies


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    data: str = "emoji"
    """`emoji`, `mnist5k` or `digits` (embedded), a TFDS set by name, or a folder."""
    image_size: int | None = 32
    """Pixels of a side: a power of two from 16 to 1024."""
    generation: Literal["stylegan2", "stylegan1"] = "stylegan2"
    """Which StyleGAN; the first one without growing, with sizes small or auto."""
    sizes: Literal["small"] | networks.StyleGAN2Name = "small"
    """Of the networks, with the settings of their training but batch_size and
    augment_examples: `small`, as below, or published ones, for a GPU."""
    channel_base: int = 512
    """Of small: a layer of r x r pixels has channel_base / r channels."""
    channel_max: int = 32
    """Of small: most channels of a layer."""
    latents: int = 128
    """Of small: dimension of the latents and of the styles; published ones have 512."""
    augment: Literal["ada", "diff_augment", "dag", "none"] = "ada"
    """What the critic sees in place of images."""
    augment_examples: float = 100_000.0
    """Images in which the probability of ada can go from 0 to 1; 500,000 in its paper,
    whose trainings see 25 million."""
    r1_weight: float | None = None
    """gamma of the R1 penalty; by default 1 for small, else that of the sizes."""
    truncation: float = 0.7
    """Of styles in figures: 1 for none, 0 for the average."""
    dcgan_width: int = 32
    """Channels of the finest layers of the DCGAN; 0 for no DCGAN."""
    epochs: int = 50
    """Passes over the training images."""
    batch_size: int = 32
    """Images a step, over all devices."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Of both networks of StyleGAN; by default that of the sizes."""
    look_every: int = 5
    """Epochs from one look at the samples to the next."""


def _find(system: figures.System) -> run.Finding:
    end, third = system.distance(), system.distance(1 / 3)
    apart = end.high < third.low or third.high < end.low
    return run.Finding(
        held=end.value < third.value if apart else None,
        name="FD at the end",
        number=run.Estimate(*end),
        reference=f"at a third of the training {run.Estimate(*third)}",
        note="one seed",
    )


CLAIM = run.Claim(
    "The Frechet distance of the samples at the end of the training is below that at "
    "a third of it.",
    applies=lambda one: "fewer than 6 looks" if len(one.looks["fd"]) < 6 else "",
    check=_find,
)


def build(config: Config, name: str, shape: tuple[int, int, int]) -> models.GAN:
    """Returns the system of that name for images of a shape."""
    preset: models.StyleGANName = "auto" if config.sizes == "small" else config.sizes
    sizes, weight = networks.STYLEGAN2_CONFIGS[preset], config.r1_weight
    if config.sizes == "small":
        weight = 1.0 if weight is None else weight
        own = {"channel_base": config.channel_base, "channel_max": config.channel_max}
        own |= {"latents": config.latents, "style_features": config.latents}
        sizes = dataclasses.replace(sizes, **own)
    if name == "dcgan":
        paper, width = models.PUBLISHED_GANS["non_saturating"], config.dcgan_width
        return models.published_gan(
            "non_saturating",
            networks.dcgan_generator(shape, width=width),
            networks.dcgan_critic(width=width, normalization=paper.normalization),
            latents=sizes.latents,
            ema_decay=0.99,
            signed=True,
        )
    size, channels, heads = shape[0], shape[-1], 4 if config.augment == "dag" else 1
    if name == "stylegan1":
        base, most = sizes.channel_base or 16_384, sizes.channel_max
        first = networks.StyleGANConfig(base, most, sizes.latents, sizes.style_features)
        mapping = networks.stylegan_mapping(first)
        synthesis = networks.stylegan_synthesis(size, first, channels)
        critic = networks.stylegan_critic(first, heads=heads)
    else:
        mapping = networks.stylegan2_mapping(sizes)
        synthesis = networks.stylegan2_synthesis(size, sizes, channels)
        critic = networks.stylegan2_critic(sizes, heads=heads)
    examples, ada = config.augment_examples, differentiable.ada()
    augment = {
        "ada": remedies.adaptive_augment(ada, examples=examples, every=4),
        "diff_augment": remedies.augment(differentiable.diff_augment()),
        "dag": remedies.dag(transforms.rotations()),
    }
    return models.stylegan(
        models.StyledGenerator(mapping, synthesis, networks.stylegan_num_styles(size)),
        critic,
        image_size=size,
        batch_size=config.batch_size,
        latents=sizes.latents,
        preset=preset if name == "stylegan2" else "stylegan1",
        augment=augment.get(config.augment),
        learning_rate=config.learning_rate,
        r1_weight=weight,
    )


def train(
    config: Config, setup: run.Setup, folder: Any, real: Any, name: str, model: Any
) -> Any:
    """Trains one system, a DCGAN for as long as StyleGAN, and returns its state."""
    home, own = folder.path / "parts" / name, setup
    options: dict[str, Any] = {"part": name, "convolutional": True}
    options["terms"] = ("critic_loss", "generator_loss", "real_logit", "fake_logit")
    if name == "dcgan":
        other = config.generation
        own = run.equal_time(config, setup, folder, model, other=other, **options)
    else:
        options["steps_per_call"] = 1  # each further one is compiled, for minutes
    per_epoch = setup.batches.steps_per_epoch
    monitors = metrics.gan_monitors(
        home, model, own.key, real, own.train, own.test, per_epoch, intervals=True
    )
    every = config.look_every * own.steps // setup.steps or 1
    snapshots = run.snapshots(home / "epochs.npz", own, model, number=10, most=8)
    options["callbacks"] = snapshots, run.every_epochs(own, monitors, every)
    state = run.train(config, own, folder, model, **options)
    logits = {"real_logit": "held_out_logit"}
    run.merge_parts(
        folder, [name], split="train", held_out=logits, beside="quality.jsonl"
    )
    return training.on_one_device(state)


def main(config: Config) -> dict[str, Any]:
    """Trains, compares, draws; returns the numbers for the head of the page."""
    run.check_positive(config, "channel_base", "channel_max", "latents", "look_every")
    run.check_bounds(config, "augment_examples", above=0)
    run.check_bounds(config, "r1_weight", least=0)
    networks.stylegan_num_styles(config.image_size or 32)  # refuses a size at once
    names = (config.generation, *(("dcgan",) if config.dcgan_width else ()))
    setup = run.prepare(config)
    made = {name: build(config, name, setup.train.image_shape) for name in names}
    run.check_models(setup, *made.values(), step=True)
    systems: dict[str, figures.System] = {}
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "stylegan",
            "-".join([setup.train.name, *names, config.sizes, config.augment]),
            title=f"StyleGAN on {setup.train.name}",
            claim=CLAIM,
            labels={name: figures.LABELS[name] for name in names},
        )
        with run.display() as show:
            # Labels may say little of what is drawn, as those of emoji.
            nets = metrics.features.random_features(setup.train)
            sets = setup.test, setup.train
            real = metrics.quality_reference(*sets, nets=nets, progress=show)
        for name, model in made.items():
            state = train(config, setup, folder, real, name, model)
            systems[name] = figures.read_system(
                config, setup, folder, name, model, state
            )
        run.merge_parts(folder, names, split="monitor", file="monitor.jsonl")
    return run.finish(
        folder,
        figures.headline(systems),
        seconds=seconds(),
        tables=[figures.table(systems, real)],
        verdict=CLAIM.verdict(systems[config.generation]),
        figures=figures.figures(systems, setup.test, real.floor),
    )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or CLAIM.sentence)
