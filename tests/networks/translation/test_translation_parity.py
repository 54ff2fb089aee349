"""Our translation networks against the same in PyTorch, in float64.

The PyTorch ones are written from the papers, in the numbering of the authors' code, so
that `import_translator` and `import_critic` copy the weights.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.networks import import_critic, import_translator

torch = pytest.importorskip("torch", reason="the extra bench has torch")
nn = torch.nn


def norm_of(kind, channels):
    if kind == "batch":
        return nn.BatchNorm2d(channels, momentum=None)
    return nn.InstanceNorm2d(channels) if kind == "instance" else nn.Identity()


class Block(nn.Module):
    def __init__(self, channels, norm, dropout):
        super().__init__()
        layers = []
        for last in (False, True):
            layers += [nn.ReflectionPad2d(1)]
            layers += [nn.Conv2d(channels, channels, 3, bias=norm == "instance")]
            layers += [norm_of(norm, channels)]
            layers += [] if last else [nn.ReLU()]
            layers += [nn.Dropout(0.5)] if dropout and not last else []
        self.conv_block = nn.Sequential(*layers)

    def forward(self, images):
        return images + self.conv_block(images)


class ResNet(nn.Module):
    def __init__(self, inputs, outputs, width, blocks, norm="instance", dropout=False):
        super().__init__()
        bias = norm == "instance"
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, width, 7, bias=bias)]
        layers += [norm_of(norm, width), nn.ReLU()]
        for channels in (2 * width, 4 * width):
            layers += [nn.Conv2d(channels // 2, channels, 3, 2, 1, bias=bias)]
            layers += [norm_of(norm, channels), nn.ReLU()]
        layers += [Block(4 * width, norm, dropout) for _ in range(blocks)]
        for channels in (2 * width, width):
            layers += [
                nn.ConvTranspose2d(2 * channels, channels, 3, 2, 1, 1, bias=bias),
                norm_of(norm, channels),
                nn.ReLU(),
            ]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, images):
        return self.model(images)


class Level(nn.Module):
    """One level of a U-Net, with all deeper ones inside."""

    def __init__(self, inputs, outputs, width, depth, norm, level=0):
        super().__init__()
        self.level = level
        bias, inner = norm == "instance", width * 2 ** min(level, 3)
        down = nn.Conv2d(inputs, inner, 4, 2, 1, bias=bias)
        deepest, outermost = level == depth - 1, level == 0
        seen = inner if deepest else 2 * inner
        up = nn.ConvTranspose2d(seen, outputs, 4, 2, 1, bias=bias or outermost)
        layers = [down] if outermost else [nn.LeakyReLU(0.2), down]
        if not deepest:
            layers += [] if outermost else [norm_of(norm, inner)]
            layers += [Level(inner, inner, width, depth, norm, level + 1)]
        layers += [nn.ReLU(), up]
        layers += [nn.Tanh()] if outermost else [norm_of(norm, outputs)]
        self.model = nn.Sequential(*layers)

    def forward(self, images):
        hidden = self.model(images)
        return torch.cat([images, hidden], 1) if self.level else hidden


class UNet(nn.Module):
    def __init__(self, inputs, outputs, width, depth, norm="batch"):
        super().__init__()
        self.model = Level(inputs, outputs, width, depth, norm)

    def forward(self, images):
        return self.model(images)


class Patch(nn.Module):
    def __init__(self, inputs, width, layers, norm="instance", heads=1):
        super().__init__()
        found = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        before = width
        for layer in range(1, layers + 1):
            after, stride = width * 2 ** min(layer, 3), 2 if layer < layers else 1
            found += [nn.Conv2d(before, after, 4, stride, 1, bias=norm == "instance")]
            found += [norm_of(norm, after), nn.LeakyReLU(0.2)]
            before = after
        self.model = nn.Sequential(*found, nn.Conv2d(before, heads, 4, 1, 1))

    def forward(self, images):
        return self.model(images)


class Pixel(nn.Module):
    def __init__(self, inputs, width, norm):
        super().__init__()
        bias = norm == "instance"
        self.net = nn.Sequential(
            nn.Conv2d(inputs, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 1, bias=bias),
            norm_of(norm, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 1, bias=bias),
        )

    def forward(self, images):
        return self.net(images)


def randomized(module, seed=0):
    """Parameters of a size at which every layer matters, biases and scales too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 9
            parameter.normal_(0, fan_in**-0.5)
            if parameter.ndim == 1:
                parameter.add_(0.5)
    return module


def saved(state_dict, path):
    torch.save(state_dict, path)
    return path


def import_of(module):
    return import_critic if isinstance(module, Patch | Pixel) else import_translator


def assert_close(found, expected, tolerance):
    for one, other in zip(
        jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def assert_equal_networks(module, size, folder, formulation):
    """Outputs, gradients and running statistics of a training step are the same."""
    # In single precision a rounding turns a relu on or off here and there, and moves a
    # gradient by 0.2 percent of the largest: PyTorch's own as much as ours.
    dtype, tolerance = "float64", 1e-6
    imported = import_of(module)(
        saved(module.state_dict(), folder / "weights.pth"), formulation=formulation
    )
    network = imported[0]
    params, stats = imported.params, imported.stats
    numbers = np.random.default_rng(0)
    inputs = next(w for w in module.parameters() if w.ndim == 4).shape[1]
    images = numbers.uniform(-1, 1, (2, *size, inputs)).astype(dtype)
    names = dict(module.named_parameters())

    module = module.to(getattr(torch, dtype)).train()
    seen = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    expected = module(seen)
    weights = numbers.normal(size=expected.shape).astype(dtype) / expected[0].numel()
    (expected * torch.tensor(weights)).sum().backward()
    # The gradients have the names of the weights, and are copied as they are.
    gradients = {**module.state_dict()}
    gradients |= {name: names[name].grad for name in names}
    largest = max(float(g.abs().max()) for g in gradients.values() if g.ndim == 4)
    gradients = import_of(module)(saved(gradients, folder / "gradients.pth")).params
    after = import_of(module)(saved(module.state_dict(), folder / "after.pth"))

    with jax.enable_x64(True):
        params = jax.tree.map(lambda x: np.asarray(x, dtype), params)

        def loss(params, images):
            outputs, statistics = network.apply(params, stats, images, train=True)
            channels_first = outputs.reshape(weights.shape)
            if outputs.shape[1:] != weights.shape[1:] and outputs.ndim == 4:
                channels_first = outputs.transpose(0, 3, 1, 2)
            return jnp.sum(channels_first * weights), (channels_first, statistics)

        step = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
        (_, (outputs, statistics)), (in_params, in_images) = step(
            params, jnp.asarray(images)
        )
        assert outputs.dtype == dtype
        assert_close(outputs, expected.detach().numpy(), tolerance)
        in_images = np.moveaxis(np.asarray(in_images), -1, 1)
        scale = float(seen.grad.abs().max())
        assert_close(in_images / scale, seen.grad.numpy() / scale, tolerance)
        # A bias before a normalization has the gradient 0, but for rounding.
        for tree in (in_params, gradients):
            assert jax.tree.structure(tree) == jax.tree.structure(params)
        in_params, gradients = (
            jax.tree.map(lambda g: np.asarray(g) / largest, tree)
            for tree in (in_params, gradients)
        )
        assert_close(in_params, gradients, tolerance)
        return statistics, after.stats


def both(module):
    """A network in both formulations, of which one takes long to compile."""
    cases = [
        pytest.param(module, "plain", id="plain"),
        pytest.param(module, "im2col", id="im2col", marks=pytest.mark.slow),
    ]
    return pytest.mark.parametrize(("module", "formulation"), cases)


@both(lambda: ResNet(3, 2, 4, 2))
def test_resnet(module, formulation, tmp_path):
    module = randomized(module())
    assert_equal_networks(module, (16, 24), tmp_path, formulation)


@both(lambda: UNet(2, 3, 4, 3))
def test_unet_and_its_running_statistics(module, formulation, tmp_path):
    module = randomized(module())
    found, expected = assert_equal_networks(module, (32, 32), tmp_path, formulation)
    depth = sum(name.startswith("up_") for name in found) + 1
    # PyTorch keeps the variance with n - 1; n is what a channel has of numbers.
    for level in range(1, depth):
        for name, pixels in (
            (f"down_{level}", 2 * 4 ** (4 - level)),
            (f"up_{level}", 2 * 4 ** (5 - level)),
        ):
            if name == f"down_{depth - 1}":
                assert name not in found
                continue
            ours, theirs = found[name]["norm"], expected[name]["norm"]
            assert ours["batches"] == theirs["batches"] == 1
            ours, theirs = ours["BatchNorm_0"], theirs["BatchNorm_0"]
            np.testing.assert_allclose(ours["mean"], theirs["mean"], 1e-5, 1e-6)
            biased = theirs["var"] * (pixels - 1) / pixels
            np.testing.assert_allclose(ours["var"], biased, 1e-5)


@both(lambda: Patch(3, 4, 2, "batch", heads=3))
def test_patch_critic(module, formulation, tmp_path):
    assert_equal_networks(randomized(module()), (32, 24), tmp_path, formulation)


@both(lambda: Pixel(3, 4, "batch"))
def test_pixel_critic(module, formulation, tmp_path):
    assert_equal_networks(randomized(module()), (8, 12), tmp_path, formulation)


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        lambda: Patch(3, 4, 3),
        lambda: Pixel(3, 4, "instance"),
        lambda: ResNet(1, 3, 4, 1, "batch"),
        lambda: UNet(1, 1, 4, 3, "instance"),
    ],
)
def test_other_nets(module, tmp_path):
    assert_equal_networks(randomized(module()), (32, 32), tmp_path, "auto")


def test_running_statistics_are_what_evaluation_uses(tmp_path):
    module = randomized(UNet(1, 1, 4, 2))
    with torch.no_grad():
        for _ in range(2):
            module(torch.randn(3, 1, 8, 8))
    imported = import_translator(
        saved(module.state_dict(), tmp_path / "net.pth"), formulation="plain"
    )
    network, params, stats = imported.translator, imported.params, imported.stats
    images = np.random.default_rng(1).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    with torch.no_grad():
        expected = module.eval()(torch.tensor(images[:, None, ..., 0]))
    found, kept = jax.jit(network.apply)(params, stats, images)
    np.testing.assert_allclose(found[..., 0], expected[:, 0].numpy(), atol=1e-5)
    assert jax.tree.all(jax.tree.map(np.array_equal, kept, stats))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "size"),
    [
        (lambda: ResNet(3, 3, 64, 9), 64),
        (lambda: UNet(3, 3, 64, 8), 256),
        (lambda: Patch(3, 64, 3), 64),
        (lambda: Patch(6, 64, 3, "batch"), 64),
    ],
)
def test_published_sizes(module, size, tmp_path):
    module = randomized(module())
    assert_equal_networks(module, (size, size), tmp_path, "auto")
