"""Divergences between distributions: closed forms and sample forms, in nats."""

from jaxgen.divergences.kl import gaussian_kl, gaussian_kl_per_dimension

__all__ = ["gaussian_kl", "gaussian_kl_per_dimension"]
