"""Figures and tables of scripts, one file for each script."""
