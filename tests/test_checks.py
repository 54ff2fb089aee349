import pytest

from jaxgen.checks import check_choice, check_count
from jaxgen.errors import InputError


def test_a_choice_is_one_of_those_there_are():
    check_choice("kind", None, ("a", None))
    with pytest.raises(InputError, match="kind='c' is unknown: .*one of 'a', None"):
        check_choice("kind", "c", ("a", None))


@pytest.mark.parametrize("value", [1, 2.0, "3", None])
def test_a_count_is_a_whole_number_of_at_least_the_least(value):
    check_count("size", 2, 2)
    with pytest.raises(InputError, match="size=.*whole number of at least 2"):
        check_count("size", value, 2)
