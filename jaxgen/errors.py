"""The error for input that a user can correct, told in one sentence."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence or two: it names the culprit, the value seen, what
    was expected and what to do. Scripts print it and exit with status 2.
    """
