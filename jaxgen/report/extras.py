"""The packages that only drawing needs, asked for when drawing starts."""

import importlib

from jaxgen.errors import InputError

__all__ = ["require"]


def require(*modules: str) -> None:
    """Checks that the packages of the `experiments` extra are installed.

    `import jaxgen` must work with the core packages alone, so every module of this
    package that needs more calls this before it imports them.

    Args:
      *modules: names as in an import statement.

    Raises:
      InputError: one of them is missing; the message says what to install.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(
                f"Drawing a report needs the package {module!r}, which is not "
                'installed: pip install "jaxgen[experiments]" brings it.'
            ) from error
