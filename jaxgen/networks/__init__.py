"""Networks: parameters in, distribution parameters out; no loss, no optimizer.

Flax modules live here and nowhere else; what leaves is a `Network` of two functions.
"""

from jaxgen.networks.batch_norm import BatchNorm
from jaxgen.networks.convolution import (
    Conv,
    ConvTranspose,
    convolve,
    convolve_transpose,
)
from jaxgen.networks.convolutional_vae import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    convolutional_decoder,
    convolutional_encoder,
)
from jaxgen.networks.dcgan import (
    CriticNormalization,
    DCGANCritic,
    DCGANGenerator,
    dcgan_critic,
    dcgan_generator,
)
from jaxgen.networks.gan_mlp import (
    MLPCritic,
    MLPGenerator,
    mlp_critic,
    mlp_generator,
)
from jaxgen.networks.gan_parts import leaky_relu
from jaxgen.networks.mlp import (
    ConditionalPrior,
    GaussianHead,
    LogitsHead,
    MLPDecoder,
    MLPEncoder,
    conditional_prior,
    fan_in_uniform,
    mlp_decoder,
    mlp_encoder,
)
from jaxgen.networks.pure import pure, pure_functions
from jaxgen.networks.resnet import (
    ResidualCritic,
    ResidualGenerator,
    residual_critic,
    residual_generator,
)
from jaxgen.networks.shared_scale import shared_scale
from jaxgen.networks.spectral_norm import SpectralNorm
from jaxgen.networks.stylegan import (
    StyleGANCritic,
    StyleGANSynthesis,
    stylegan_critic,
    stylegan_generator,
    stylegan_mapping,
    stylegan_synthesis,
)
from jaxgen.networks.stylegan2 import (
    stylegan2_critic,
    stylegan2_generator,
    stylegan2_mapping,
    stylegan2_synthesis,
)
from jaxgen.networks.stylegan2_modules import StyleGAN2Critic, StyleGAN2Synthesis
from jaxgen.networks.stylegan_config import (
    STYLEGAN2_CONFIGS,
    StyleGAN2Config,
    StyleGAN2Name,
    StyleGANConfig,
)
from jaxgen.networks.styles import (
    StyleGANGenerator,
    StyleGANMapping,
    stylegan_num_styles,
)
from jaxgen.networks.translation import (
    TRAIN_OPTIONS,
    ImportedCritic,
    ImportedTranslator,
    PatchCritic,
    PatchHeads,
    PixelCritic,
    ResNetTranslator,
    TrainOptions,
    UNetTranslator,
    import_critic,
    import_translator,
    patch_critic,
    patch_heads,
    patch_receptive_field,
    pixel_critic,
    published_blocks,
    read_train_options,
    resnet_features,
    resnet_translator,
    unet_features,
    unet_translator,
)

__all__ = [
    "STYLEGAN2_CONFIGS",
    "TRAIN_OPTIONS",
    "BatchNorm",
    "ConditionalPrior",
    "Conv",
    "ConvTranspose",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "CriticNormalization",
    "DCGANCritic",
    "DCGANGenerator",
    "GaussianHead",
    "ImportedCritic",
    "ImportedTranslator",
    "LogitsHead",
    "MLPCritic",
    "MLPDecoder",
    "MLPEncoder",
    "MLPGenerator",
    "PatchCritic",
    "PatchHeads",
    "PixelCritic",
    "ResNetTranslator",
    "ResidualCritic",
    "ResidualGenerator",
    "SpectralNorm",
    "StyleGAN2Config",
    "StyleGAN2Critic",
    "StyleGAN2Name",
    "StyleGAN2Synthesis",
    "StyleGANConfig",
    "StyleGANCritic",
    "StyleGANGenerator",
    "StyleGANMapping",
    "StyleGANSynthesis",
    "TrainOptions",
    "UNetTranslator",
    "conditional_prior",
    "convolutional_decoder",
    "convolutional_encoder",
    "convolve",
    "convolve_transpose",
    "dcgan_critic",
    "dcgan_generator",
    "fan_in_uniform",
    "import_critic",
    "import_translator",
    "leaky_relu",
    "mlp_critic",
    "mlp_decoder",
    "mlp_encoder",
    "mlp_generator",
    "patch_critic",
    "patch_heads",
    "patch_receptive_field",
    "pixel_critic",
    "published_blocks",
    "pure",
    "pure_functions",
    "read_train_options",
    "residual_critic",
    "residual_generator",
    "resnet_features",
    "resnet_translator",
    "shared_scale",
    "stylegan2_critic",
    "stylegan2_generator",
    "stylegan2_mapping",
    "stylegan2_synthesis",
    "stylegan_critic",
    "stylegan_generator",
    "stylegan_mapping",
    "stylegan_num_styles",
    "stylegan_synthesis",
    "unet_features",
    "unet_translator",
]
