"""Generative systems made trainable: `init`, `update`, `sample` as pure functions."""
