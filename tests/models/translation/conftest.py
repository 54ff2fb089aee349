"""What the tests of translation models share."""

import jaxtyping
import pytest


@pytest.fixture
def without_types(monkeypatch):
    """Turns off the checks of types, which in tests alone come before our own."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
