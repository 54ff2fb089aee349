"""Draws the figures and the page of runs again: `python -m jaxgen.report RUN`."""

import argparse
import sys
from pathlib import Path

from jaxgen.errors import InputError
from jaxgen.report import write_page
from jaxgen.report.runs_page import write_gallery

__all__ = ["main"]

_EPILOG = """\
A run's folder holds config.json and metrics.jsonl, and the figures that the experiment
has left as data: the words in figures/*.json, the arrays beside them. Nothing is
trained and no number changes, so a page can be drawn again after jaxgen's figures have
changed, or while a run goes on.

examples:
  python -m jaxgen.report runs/vae/*
  python -m jaxgen.report --gallery runs
"""


def main(arguments: list[str] | None = None) -> int:
    """Draws each run's page and prints where it is.

    Args:
      arguments: the command line without the program's name; that of the process
        without it.

    Returns:
      The exit status: 2 if a run could not be drawn, after the others were.
    """
    parser = argparse.ArgumentParser(
        prog="python -m jaxgen.report",
        description="Draw figures/*.png and index.html of runs from their files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "run",
        nargs="+",
        type=Path,
        help="the folder of a run, such as runs/vae/mnist5k",
    )
    parser.add_argument(
        "--gallery",
        action="store_true",
        help="write one page, index.html, for all runs in each folder, such as runs",
    )
    options, status = parser.parse_args(arguments), 0
    write = write_gallery if options.gallery else write_page
    for run in options.run:
        try:
            print(write(run))
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
