"""Networks: parameters in, distribution parameters out; no loss, no optimizer.

Flax modules live here and nowhere else; what leaves is a `Network` of two functions.
"""

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
from jaxgen.networks.pure import pure
from jaxgen.networks.shared_scale import shared_scale

__all__ = [
    "ConditionalPrior",
    "Conv",
    "ConvTranspose",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "GaussianHead",
    "LogitsHead",
    "MLPDecoder",
    "MLPEncoder",
    "conditional_prior",
    "convolutional_decoder",
    "convolutional_encoder",
    "convolve",
    "convolve_transpose",
    "fan_in_uniform",
    "mlp_decoder",
    "mlp_encoder",
    "pure",
    "shared_scale",
]
