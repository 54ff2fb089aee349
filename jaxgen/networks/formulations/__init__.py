"""Ways to compute a convolution; `jaxgen.networks.convolution` chooses among them.

All are built of pads, splits, concatenations and matrix products alone, because the
transpose of each is another of them: so the gradients are as quick as the values, and
the same in `lax.scan` and `jax.vmap`. (The transpose of a strided or an integer-indexed
slice is a scatter between zeros: 4 to 10 times the whole cost on CPU.)
"""

__all__ = []
