"""Deep generative models in JAX."""
