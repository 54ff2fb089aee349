"""The two directions of translation, and the domains that they go from and to."""

from typing import Literal

from jaxgen.typing import Direction

__all__ = ["SOURCE", "TARGET", "Domain"]

Domain = Literal["a", "b"]

SOURCE: dict[Direction, Domain] = {"a_to_b": "a", "b_to_a": "b"}
"""The domain of the images that are translated."""
TARGET: dict[Direction, Domain] = {"a_to_b": "b", "b_to_a": "a"}
"""The domain of the translations."""
