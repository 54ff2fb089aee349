"""Figures and the page of a run, drawn from the run's files alone."""
