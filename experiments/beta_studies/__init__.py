"""The two studies of `experiments.beta_vae`."""
