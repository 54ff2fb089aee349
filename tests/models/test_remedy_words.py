import jax.numpy as jnp
import pytest

from jaxgen.errors import InputError
from jaxgen.models import remedies


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("none", []),
        ("pac2", ["pac(2)"]),
        ("pac=3+r1", ["pac(3)", "r1"]),
        ("unroll5", ["unroll(5)"]),
        ("r1=0.1+r2=1e-3", ["r1", "r2"]),
        ("noise0.3+gp", ["instance_noise", "gradient_penalty"]),
    ],
)
def test_a_word_names_its_remedies_in_order(word, names):
    found = remedies.from_words(word)
    assert [remedy.name for remedy in found] == names
    assert all(isinstance(remedy, remedies.Remedy) for remedy in found)


def test_a_number_left_out_depends_on_what_is_learnt():
    assert remedies.words_label("gp") == "GP 0.1"
    assert remedies.words_label("gp", images=True) == "GP 10"
    assert remedies.words_label("gp=3", images=True) == "GP 3"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("magic", "no remedy 'magic'"),
        ("r12", "no remedy 'r12'"),  # not an R1 of weight 2
        ("none+pac2", "leave `none` out"),
        ("pac2.5", "pac=2.5 takes a whole number"),
        ("r1=10+magic", "no remedy 'magic' .in 'r1=10.magic'"),
    ],
)
def test_words_that_name_no_remedy_are_refused(words, message):
    with pytest.raises(InputError, match=message):
        remedies.from_words(words)


def test_more_remedies_may_be_named_and_take_their_number():
    more = {
        "diff_augment": lambda: remedies.augment(lambda images, keys: images),
        "dag": lambda weight=0.2: remedies.dag(
            [lambda x: x, lambda x: x[:, ::-1]],
            critic_weight=weight,
            generator_weight=weight,
        ),
    }
    found = remedies.from_words("dag=0.5+r1+diff_augment", images=True, more=more)
    assert [remedy.name for remedy in found][1] == "r1"
    assert found[0].weights == (0.5, 0.5)
    assert remedies.from_words("dag", more=more)[0].weights == (0.2, 0.2)
    assert remedies.num_heads(found) == 2
    assert remedies.num_heads(()) == 1
    with pytest.raises(InputError, match="'diff_augment' takes no number, but has 2"):
        remedies.from_words("diff_augment=2", more=more)
    with pytest.raises(InputError, match="give none or diff_augment, dag, pac"):
        remedies.from_words("magic", more=more)


def test_only_a_critic_that_is_unrolled_gets_a_root_above_0():
    def step_of(pair, name):
        # Adam's first step at a gradient of 1e-7 shows its `eps_root`.
        optimizer = dict(zip(("generator", "critic"), pair, strict=True))[name]
        gradient = jnp.array([1e-7])
        return float(optimizer.update(gradient, optimizer.init(gradient))[0][0])

    plain = remedies.adam_pair(1e-3, 1e-3, b1=0.5)
    unrolled = remedies.adam_pair(
        1e-3, 1e-3, b1=0.5, remedies=remedies.from_words("unroll5")
    )
    assert step_of(plain, "generator") == step_of(unrolled, "generator")
    assert abs(step_of(unrolled, "critic")) < 0.2 * abs(step_of(plain, "critic"))
