"""Critics held to what they estimate: the studies of `experiments.divergences`."""
