"""`train_opt.txt` as the published code writes it, and networks it belongs to."""

from pathlib import Path

import numpy as np

from jaxgen import networks
from tests.models.translation import tiny_translation as tiny

UNET = networks.ImportedTranslator(
    tiny.pixelwise(3, dropout=True),
    len,  # feature maps, which no one asks for
    {"w": np.eye(3, dtype=np.float32)},
    (),
    "U-Net: in words",
    kind="U-Net",
    depth=8,
    width=64,
    norm="batch",
    dropout=None,
    channels=(3, 1),
    side=4,
    multiple=4,
)
RESNET = UNET._replace(kind="ResNet", depth=9, norm="instance", dropout=True)
OPTIONS = {
    **{"batch_size": 1, "crop_size": 256, "direction": "BtoA", "input_nc": 3},
    **{"model": "pix2pix", "netG": "unet_256", "ngf": 64, "no_dropout": "True"},
    **{"norm": "batch", "output_nc": 1, "preprocess": "resize_and_crop"},
}


def written(folder: Path, **changed) -> Path:
    """Writes the file as the published code does; None leaves an option out."""
    rows = ["----------------- Options ---------------"]
    for name, value in sorted((OPTIONS | changed).items()):
        if value is not None:
            comment = "\t[default: ]" if name in ("direction", "no_dropout") else ""
            rows.append(f"{name:>25}: {value:<30}{comment}")
    rows.append("----------------- End -------------------")
    path = folder / networks.TRAIN_OPTIONS
    path.write_text("\n".join(rows) + "\n")
    return path
