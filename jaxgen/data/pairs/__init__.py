"""Pairs of image sets, for translation: where they come from, and their batches."""

__all__ = []
