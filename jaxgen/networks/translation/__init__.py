"""Networks from images to images, and critics of their patches.

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017;
Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks, 2017.
"""

from jaxgen.networks.translation.heads import PatchHeads, patch_heads
from jaxgen.networks.translation.patch import (
    PatchCritic,
    PixelCritic,
    patch_critic,
    patch_receptive_field,
    pixel_critic,
)
from jaxgen.networks.translation.resnet import (
    ResNetTranslator,
    published_blocks,
    resnet_features,
    resnet_translator,
)
from jaxgen.networks.translation.torch_import import (
    ImportedCritic,
    ImportedTranslator,
    import_critic,
    import_translator,
)
from jaxgen.networks.translation.train_options import (
    TRAIN_OPTIONS,
    TrainOptions,
    read_train_options,
)
from jaxgen.networks.translation.unet import (
    UNetTranslator,
    unet_features,
    unet_translator,
)

__all__ = [
    "ImportedCritic",
    "ImportedTranslator",
    "PatchCritic",
    "PatchHeads",
    "PixelCritic",
    "ResNetTranslator",
    "TRAIN_OPTIONS",
    "TrainOptions",
    "UNetTranslator",
    "import_critic",
    "import_translator",
    "patch_critic",
    "patch_heads",
    "patch_receptive_field",
    "pixel_critic",
    "published_blocks",
    "read_train_options",
    "resnet_features",
    "resnet_translator",
    "unet_features",
    "unet_translator",
]
