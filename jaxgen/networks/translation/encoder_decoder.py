"""The base of translators that encode and decode: images, or feature maps alone."""

from flax import linen as nn

from jaxgen.typing import Images, RandomKeys

__all__ = ["EncoderDecoder"]


class EncoderDecoder(nn.Module):
    """Images to images, whose encoding half has feature maps."""

    def __call__(
        self,
        images: Images,
        *,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Images:
        """Returns images in [-1, 1]."""
        return self.run(images, keys, train, axis_name)[-1]

    def features(
        self,
        images: Images,
        *,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> tuple[Images, ...]:
        """Returns the feature maps of the encoding half."""
        return self.run(images, keys, train, axis_name, encode=True)

    def run(
        self,
        images: Images,
        keys: RandomKeys | None,
        train: bool,
        axis_name: str | None,
        encode: bool = False,
    ) -> tuple[Images, ...]:
        """Returns the images alone, or the feature maps if only to `encode`."""
        raise NotImplementedError
