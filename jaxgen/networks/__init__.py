"""Flax modules: parameters in, distribution parameters out; no loss, no optimizer."""
