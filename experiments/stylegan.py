"""StyleGAN2 learns to draw emoji: its samples get better as long as it is trained.

Source: Karras et al., A Style-Based Generator Architecture for Generative Adversarial
Networks, 2019; Karras et al., Analyzing and Improving the Image Quality of StyleGAN,
2020; Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.

`python -m experiments.stylegan`: a small StyleGAN2 with adaptive augmentation, on 1,266
emoji of 32 pixels, then a DCGAN for as many seconds; two cores of a CPU.
"""

import dataclasses
from typing import Any, Literal

from experiments.figures import stylegan as figures
from jaxgen import metrics, models, networks, random, run, training
from jaxgen.data import differentiable, transforms
from jaxgen.errors import InputError
from jaxgen.images import every_nth
from jaxgen.models import remedies


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    data: str = "emoji"
    """`emoji`, `mnist5k` or `digits` (embedded), a TFDS set by name, or a folder."""
    image_size: int | None = 32
    """Pixels of a side: a power of two from 16 to 1024."""
    generation: Literal["stylegan2", "stylegan1"] = "stylegan2"
    """Which StyleGAN; the first one without growing."""
    sizes: Literal["small", "auto", "config_f", "paper256", "paper512", "cifar"] = (
        "small"
    )
    """Of the networks, with the settings of their training: `small`, as below, or
    published ones, for a GPU; stylegan1 has `small` and `auto`."""
    channel_base: int = 512
    """Of small: layers of r pixels have this many channels divided by r,"""
    channel_max: int = 32
    """but no more than these."""
    latents: int = 128
    """Of small: dimension of the latents and of the styles; 512 in published sizes."""
    augment: Literal["ada", "diff_augment", "dag", "none"] = "ada"
    """What the critic sees in place of images."""
    augment_examples: float = 100_000.0
    """Images in which the probability of ada can go from 0 to 1; 500,000 in its paper,
    whose trainings see 25 million."""
    r1_weight: float | None = None
    """gamma of the R1 penalty; by default that of the sizes."""
    truncation: float = 0.7
    """Of styles in figures: 1 for none, 0 for the average."""
    dcgan_width: int = 32
    """Channels of the finest layers of the DCGAN; 0 for no DCGAN."""
    epochs: int = 100
    """Passes over the training images."""
    batch_size: int = 32
    """Images a step, over all devices."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Of both networks of StyleGAN; by default that of the sizes."""
    look_every: int = 5
    """Epochs from one look at the samples to the next."""


def _find(system: figures.System) -> run.Finding:
    end, third = system.distance(), system.distance(1 / 3)
    assert None not in (end.low, end.high, third.low, third.high)
    return run.Finding(
        held=True if end.high < third.low else False if end.low > third.high else None,
        name="FD at the end",
        number=end,
        reference=f"at a third of the training {third}",
        note="one seed",
    )


CLAIM = run.Claim(
    "The Frechet distance of the samples at the end of the training is below that at "
    "a third of it.",
    applies=lambda system: "fewer than 6 looks" if len(system.looks["fd"]) < 6 else "",
    check=_find,
)


def build(config: Config, name: str, shape: tuple[int, int, int]) -> models.GAN:
    """Returns the system of that name for images of a shape."""
    small, size, kind = config.sizes == "small", shape[0], config.augment
    latents = config.latents if small else 512
    if name == "dcgan":
        paper, width = models.PUBLISHED_GANS["non_saturating"], config.dcgan_width
        return models.published_gan(
            "non_saturating",
            networks.dcgan_generator(shape, width=width),
            networks.dcgan_critic(width=width, normalization=paper.normalization),
            latents=latents,
            ema_decay=0.99,
            signed=True,
        )
    own = {"channel_base": config.channel_base, "channel_max": config.channel_max}
    own = own | {"style_features": latents} if small else {}
    heads, preset = 4 if kind == "dag" else 1, "auto" if small else config.sizes
    if name == "stylegan1":
        if preset != "auto":
            raise InputError("--generation stylegan1 has --sizes small and auto alone.")
        sizes, preset = networks.StyleGANConfig(**own), "stylegan1"
        mapping = networks.stylegan_mapping(config=sizes)
        synthesis = networks.stylegan_synthesis(size, shape[-1], config=sizes)
        critic = networks.stylegan_critic(config=sizes, heads=heads)
    else:
        sizes = networks.StyleGAN2Config(latents=latents, **own) if small else preset
        mapping = networks.stylegan2_mapping(sizes)
        synthesis = networks.stylegan2_synthesis(size, sizes, shape[-1])
        critic = networks.stylegan2_critic(sizes, heads=heads)
    ada = differentiable.ada(), config.augment_examples
    augment = {
        "ada": lambda: remedies.adaptive_augment(ada[0], examples=ada[1], every=4),
        "diff_augment": lambda: remedies.augment(differentiable.diff_augment()),
        "dag": lambda: remedies.dag(transforms.rotations()),
        "none": lambda: None,
    }
    return models.stylegan(
        models.StyledGenerator(mapping, synthesis, networks.stylegan_num_styles(size)),
        critic,
        image_size=size,
        batch_size=config.batch_size,
        latents=latents,
        preset=preset,
        augment=augment[kind](),
        learning_rate=config.learning_rate,
        r1_weight=config.r1_weight,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains, compares, draws; returns the numbers for the head of the page."""
    run.check_positive(config, "channel_base", "channel_max", "latents", "look_every")
    run.check_bounds(config, "augment_examples", above=0)
    run.check_bounds(config, "r1_weight", least=0)
    setup, name = run.prepare(config), config.generation
    names = (name, "dcgan") if config.dcgan_width else (name,)
    made = {name: build(config, name, setup.train.image_shape) for name in names}
    run.check_models(setup, *made.values(), step=True)
    shown = setup.test.read(every_nth(len(setup.test), 64))["image"]
    systems, mixed, terms = {}, {}, ("critic_loss", "generator_loss", "real_logit")
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
            # Labels such as a style of drawing make no features of what is drawn.
            nets = metrics.features.random_features(setup.train)
            real = metrics.quality_reference(
                setup.test, setup.train, nets=nets, progress=show
            )
        for name, model in made.items():
            home, own = folder.path / "parts" / name, setup
            train = {"part": name, "convolutional": True, "terms": terms}
            if name == "dcgan":
                train["other"] = names[0]
                own = run.equal_time(config, setup, folder, model, **train)
                del train["other"]
            monitors = metrics.gan_monitors(
                home,
                model,
                own.key,
                real,
                own.train,
                own.test,
                own.batches.steps_per_epoch,
                intervals=True,
            )
            every = config.look_every * own.steps // setup.steps or 1
            looks = run.every_epochs(own, monitors, every)
            path = home / "epochs.npz"
            snapshots = run.snapshots(path, own, model, number=10, most=8)
            state = run.train(
                config,
                own,
                folder,
                model,
                steps_per_call=None if name == "dcgan" else 1,
                callbacks=(snapshots, looks),
                **train,
            )
            held = {"real_logit": "held_out_logit"}
            run.merge_parts(
                folder, [name], split="train", held_out=held, beside="quality.jsonl"
            )
            state = training.on_one_device(state)
            key = random.stream(setup.key, "figures")
            samples = figures.draw_samples(key, model, state, name, config.truncation)
            if name != "dcgan":
                key = random.stream(setup.key, "mixed styles")
                mixed = figures.mix_styles(key, model, state, 6, config.truncation)
            systems[name] = figures.read_system(
                folder, name, state, samples, config.batch_size
            )
        run.merge_parts(folder, names, split="monitor", file="monitor.jsonl")
    return run.finish(
        folder,
        figures.headline(systems),
        seconds=seconds(),
        tables=[figures.table(systems, real)],
        verdict=CLAIM.verdict(systems[names[0]]),
        figures=figures.figures(systems, shown, mixed, real.floor),
    )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or CLAIM.sentence)
