"""A pytest plugin for an installation without extras.

A test or doctest that needs an extra is skipped: jaxgen says so in an `InputError` that
names the extra. `.ci/run` loads it with `-p tests.core_install`.
"""

import doctest
import re

import pytest

from jaxgen.errors import InputError


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except (InputError, doctest.UnexpectedException) as failure:
        cause = getattr(failure, "exc_info", (None, failure))[1]
        if isinstance(cause, InputError) and re.search(r"jaxgen\[\w+\]", str(cause)):
            pytest.skip(str(cause))
        raise
