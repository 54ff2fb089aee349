"""The page's section on what an evaluation measured: its table and its figures."""

__all__ = []
