"""One script per claim; each is a command, `python -m experiments.NAME --help`."""
