"""A CycleGAN in PyTorch, as its users write it: what `translation_step` compares with.

Networks, losses, image pool and the order of the steps are those of Zhu et al., 2017.
"""

import itertools
import random
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

CYCLE_WEIGHT = 10.0
IDENTITY_WEIGHT = 5.0


class Residual(nn.Module):
    """Two convolutions of 3x3, around which the input passes."""

    def __init__(self, width: int):
        """Makes one of `width` channels."""
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Returns the input and what is added to it."""
        return images + self.body(images)


def generator(channels: int, width: int, blocks: int) -> nn.Module:
    """Returns the ResNet generator of CycleGAN."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7)]
    layers += [nn.InstanceNorm2d(width), nn.ReLU(True)]
    for inner in (width, 2 * width):
        layers.append(nn.Conv2d(inner, 2 * inner, 3, stride=2, padding=1))
        layers += [nn.InstanceNorm2d(2 * inner), nn.ReLU(True)]
    layers += [Residual(4 * width) for _ in range(blocks)]
    for inner in (4 * width, 2 * width):
        layers.append(
            nn.ConvTranspose2d(
                inner, inner // 2, 3, stride=2, padding=1, output_padding=1
            )
        )
        layers += [nn.InstanceNorm2d(inner // 2), nn.ReLU(True)]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
    return nn.Sequential(*layers)


def critic(channels: int, width: int, layers: int = 3) -> nn.Module:
    """Returns the PatchGAN critic; of 70x70 pixels with 3 layers."""
    parts: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1)]
    parts.append(nn.LeakyReLU(0.2, True))
    for layer in range(1, layers + 1):
        inner, outer = (width << min(number, 3) for number in (layer - 1, layer))
        stride = 2 if layer < layers else 1
        parts.append(nn.Conv2d(inner, outer, 4, stride=stride, padding=1))
        parts += [nn.InstanceNorm2d(outer), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*parts, nn.Conv2d(outer, 1, 4, padding=1))


class Pool:
    """Generated images of some steps ago."""

    def __init__(self, size: int):
        """Makes one without images, for `size` of them."""
        self.size, self.images = size, []

    def __call__(self, images: Tensor) -> Tensor:
        """Exchanges half of the images, once the pool is full."""
        taken = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image)
            elif random.random() < 0.5:
                place = random.randrange(self.size)
                image, self.images[place] = self.images[place], image
            taken.append(image)
        return torch.stack(taken)


class Peer(NamedTuple):
    """A CycleGAN of four modules.

    Attributes:
        step: Takes one step of both generators and one of each critic.
        parameters: How many numbers the generators have, and how many the critics.
    """

    step: Callable[[], Tensor]
    parameters: tuple[int, int]


def cyclegan(
    *,
    size: int,
    batch_size: int,
    width: int,
    blocks: int,
    pool_size: int = 50,
    bfloat16: bool = False,
    channels_last: bool = False,
    device: str = "cpu",
) -> Peer:
    """Makes a CycleGAN and the images of its steps.

    Args:
        size: Height and width of the images, of 3 channels.
        batch_size: Images of each domain.
        width: Channels of the first layer of all networks.
        blocks: Residual blocks of a generator.
        pool_size: Images of a pool.
        bfloat16: Whether convolutions are computed so, by `torch.autocast`.
        channels_last: Whether channels lie together in memory.
        device: Where.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def placed(module: nn.Module) -> nn.Module:
        return module.to(device, memory_format=layout)

    generators = [placed(generator(3, width, blocks)) for _ in range(2)]
    critics = [placed(critic(3, width)) for _ in range(2)]
    pools = [Pool(pool_size) for _ in range(2)]
    into, back = generators
    optimizers = [
        torch.optim.Adam(
            itertools.chain(*(net.parameters() for net in nets)), 2e-4, (0.5, 0.999)
        )
        for nets in (generators, critics)
    ]
    a, b = (
        (2.0 * torch.rand(batch_size, 3, size, size, device=device) - 1.0).contiguous(
            memory_format=layout
        )
        for _ in range(2)
    )

    def autocast() -> torch.autocast:
        return torch.autocast(device, dtype=torch.bfloat16, enabled=bfloat16)

    def distance(images: Tensor, others: Tensor) -> Tensor:
        return functional.l1_loss(images.float(), others)

    def squares(logits: Tensor, target: float) -> Tensor:
        return torch.mean((logits.float() - target) ** 2)

    def step() -> Tensor:
        for net in critics:
            net.requires_grad_(False)
        with autocast():
            fake_b, fake_a = into(a), back(b)
            cycles = distance(back(fake_b), a) + distance(into(fake_a), b)
            identities = distance(into(b), b) + distance(back(a), a)
            fooled = squares(critics[0](fake_a), 1.0) + squares(critics[1](fake_b), 1.0)
        loss = fooled + CYCLE_WEIGHT * cycles + IDENTITY_WEIGHT * identities
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()

        optimizers[1].zero_grad()
        for net, real, fake, pool in zip(
            critics, (a, b), (fake_a, fake_b), pools, strict=True
        ):
            net.requires_grad_(True)
            with autocast():
                shown = pool(fake.detach().float())
                halves = squares(net(real), 1.0) + squares(net(shown), 0.0)
            (0.5 * halves).backward()
        optimizers[1].step()
        return loss.detach()

    counts = [
        sum(leaf.numel() for net in nets for leaf in net.parameters())
        for nets in (generators, critics)
    ]
    return Peer(step, (counts[0], counts[1]))
