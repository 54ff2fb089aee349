import jax
import numpy as np
import optax
import pytest

from jaxgen import training
from jaxgen.errors import InputError
from tests import tiny
from tests.training.test_loop import Recorder

pytestmark = pytest.mark.skipif(
    jax.device_count() < 8, reason="needs 8 devices: JAX_NUM_CPU_DEVICES=8"
)


def curves(key, devices, mode):
    recorder = Recorder()
    training.fit(
        tiny.vae(optax.sgd(1e-2)),
        tiny.batches(batch_size=16, examples=64),
        key=key,
        steps=20,
        steps_per_call=2,
        place=training.placement(devices, mode),
        writers=[recorder],
    )
    terms = ("loss", "kl", "gradient_norm")
    return [recorder.curve("train", term) for term in terms]


@pytest.mark.parametrize("mode", ["jit", "pmap", "shard_map"])
def test_eight_devices_give_the_losses_and_gradients_of_one(key, mode):
    # SGD, not Adam, which would hide a gradient too large by the number of devices.
    one, eight = curves(key, 1, "jit"), curves(key, 8, mode)
    np.testing.assert_allclose(eight, one, rtol=1e-5)


def test_eight_devices_evaluate_as_one(key):
    def terms(devices):
        data = tiny.batches(train=False, batch_size=16, examples=21)
        place = training.placement(devices)
        model = tiny.vae()
        state = training.fit(
            model, tiny.batches(batch_size=16), key=key, steps=1, place=place
        )
        evaluate = training.compile_evaluation(model, data, place)
        return jax.device_get(evaluate(state, key))

    one, eight = terms(1), terms(8)
    for name in one:
        np.testing.assert_allclose(eight[name], one[name], rtol=1e-5)


def test_a_batch_that_cannot_be_split_is_refused(key):
    with pytest.raises(InputError, match="batch of 8 cannot be split evenly over 3"):
        training.fit(
            tiny.vae(),
            tiny.batches(),
            key=key,
            steps=1,
            place=training.placement(3),
        )


def test_more_devices_than_there_are_is_refused():
    with pytest.raises(InputError, match="99 devices were asked for, but JAX sees 8"):
        training.placement(99)
