import pytest

from jaxgen import training
from jaxgen.errors import InputError


def test_callbacks_are_called_in_order_at_their_epochs_and_at_the_last_step():
    calls = []
    watched = training.EveryEpochs(
        [
            lambda state, step: calls.append(step),
            lambda state, step: calls.append(state),
        ],
        steps_per_epoch=10,
        every=3,
        last=75,
    )
    for step in (*range(10, 80, 10), 75):
        watched("state", step)
    assert calls == [30, "state", 60, "state", 75, "state"]


@pytest.mark.parametrize("name", ["every", "steps_per_epoch"])
def test_a_period_of_no_epochs_is_refused(name):
    numbers = {"every": 1, "steps_per_epoch": 1, "last": 1} | {name: 0}
    with pytest.raises(InputError, match=name):
        training.EveryEpochs([], **numbers)
