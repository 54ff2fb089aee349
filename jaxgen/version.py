"""The version of the library, also where an older one was installed."""

__all__ = ["__version__"]

__version__ = "0.2.0"
