import sys
import threading

import pytest

from jaxgen.run.run import _importing


def test_modules_are_imported_when_the_context_ends_even_by_an_error():
    sys.modules.pop("colorsys", None)
    before = threading.active_count()
    with pytest.raises(KeyError), _importing("no_such_module", "colorsys"):
        raise KeyError
    assert "colorsys" in sys.modules
    assert threading.active_count() == before
