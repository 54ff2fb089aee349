"""The studies of `experiments.estimator_variance`, one file each."""
