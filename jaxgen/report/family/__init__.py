"""Figures of the VAE family: what labels, priors, constraints and codes do."""

__all__ = []
