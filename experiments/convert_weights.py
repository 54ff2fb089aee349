"""Released weights of feature networks into one file that says what it was made of.

The parameters of our network, with normalizations folded in and without what the
metrics do not use, as a safetensors file; in its metadata the SHA-256 of the files it
was made of. The PyTorch files are read without PyTorch, and nothing in them is run.

Command: `python -m experiments.convert_weights IN.pth OUT.safetensors --network
inception`, or `python -m experiments.convert_weights VGG.pth LPIPS.pth OUT.safetensors
--network lpips`; seconds. Fetch the files first, no network connection is used:

- inception: https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/
  pt_inception-2015-12-05-6726825d.pth
- lpips: https://download.pytorch.org/models/vgg16-397923af.pth and
  https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/vgg.pth
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jaxgen import run
from jaxgen.errors import InputError
from jaxgen.metrics.features import inception, perceptual, save_weights

if TYPE_CHECKING:
    from tyro.conf import Positional
else:
    try:
        from tyro.conf import Positional
    except ImportError:  # `run.command_line` says so
        Positional = tuple

_INPUTS = {"inception": 1, "lpips": 2}


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    files: Positional[tuple[Path, ...]]
    """What to read, and last of all where to write."""
    network: Literal["inception", "lpips"] = "inception"
    """Whose weights they are."""


def main(config: Config) -> dict[str, Any]:
    """Converts the weights and returns what was written, by name."""
    *inputs, output = config.files or (Path(),)
    expected = _INPUTS[config.network]
    if len(inputs) != expected:
        raise InputError(
            f"{len(config.files)} files: --network {config.network} takes {expected} "
            "to read and 1 to write."
        )
    if output.suffix != ".safetensors":
        raise InputError(
            f"The file to write is {output}: it is known by its name, so let it end in "
            ".safetensors."
        )
    if config.network == "inception":
        weights, architecture = (
            inception.load_inception(*inputs),
            inception.ARCHITECTURE,
        )
    else:
        weights, architecture = perceptual.load_lpips(*inputs), perceptual.ARCHITECTURE
    save_weights(output, weights, architecture=architecture)
    print(f"{output}: {architecture}, made of {', '.join(weights.sources)}")
    return {"architecture": architecture, "sources": weights.sources, "file": output}


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
