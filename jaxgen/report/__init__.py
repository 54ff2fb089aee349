"""Figures and the page of a run, drawn from the run's files alone."""

from jaxgen.report.page import write_page

__all__ = ["write_page"]
