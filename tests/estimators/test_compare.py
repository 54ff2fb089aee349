"""The comparison: its winner, its truth and what it says of those left out."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    ARM,
    Auto,
    DeltaMethod,
    DisARM,
    DoubleCV,
    Enumerate,
    GumbelSoftmax,
    MeasureValued,
    Pathwise,
    ReinMax,
    ScoreFunction,
    check_unbiased,
    compare,
    exact_grad,
    menu,
    moments,
)
from jaxgen.estimators.checks import bias_test


def normal(mean):
    return dists.Normal(mean, 1.0)


def cosine(x):
    return jnp.cos(5 * x)


CONTINUOUS = (
    Pathwise(),
    ScoreFunction(),
    ScoreFunction("leave_one_out"),
    MeasureValued(coupling=True),
    MeasureValued(coupling=False),
    ARM(),
)


def test_no_estimator_dominates(key):
    """At cos 5x pathwise has 25 times the variance of the score function."""
    report = compare(
        key, cosine, normal, 1.0, estimators=CONTINUOUS, equal="samples", num_samples=1
    )
    rows = {row.name: row for row in report.rows}
    assert report.best().name == "MeasureValued(coupling=False)"
    assert report.reference == "exact, in float64"
    np.testing.assert_allclose(report.truth, -5 * np.sin(5) * np.exp(-12.5), rtol=1e-6)
    exact = {
        "Pathwise()": 12.5,
        "ScoreFunction()": 0.5,
        "MeasureValued()": 0.29572,
        "MeasureValued(coupling=False)": 0.16048,
    }
    for name, variance in exact.items():
        low, high = rows[name].total_interval
        assert low < variance < high
        assert not rows[name].biased
    assert "not for Normal" in rows["ARM()"].skipped


def test_ten_latents_against_enumeration(key):
    dist_fn = lambda x: dists.Bernoulli(logits=x).to_event(1)  # noqa: E731
    # Not separable: every latent matters to every other.
    f = lambda b: (jnp.sum(b, -1) - 4.5) ** 2 / 10  # noqa: E731
    params = jnp.zeros(10)
    estimators = (
        ScoreFunction(),
        ScoreFunction("leave_one_out"),
        ARM(),
        DisARM(),
        GumbelSoftmax(2.0),
        ReinMax(),
    )
    report = compare(key, f, dist_fn, params, estimators=estimators, repeats=20_000)
    rows = {row.name: row for row in report.rows}
    np.testing.assert_allclose(report.truth, exact_grad(f, dist_fn, params))
    # f is quadratic: ReinMax is right without claiming to be.
    assert rows["GumbelSoftmax(temperature=2.0)"].biased
    assert not rows["ReinMax()"].biased
    assert not any(rows[str(e)].biased for e in estimators if e.unbiased)
    prices = {name: row.price() for name, row in rows.items() if row.claims_unbiased}
    assert report.best().name == min(prices, key=prices.get)
    assert prices["DisARM()"] < prices["ARM()"]
    assert report.best().price() < prices["ScoreFunction()"]


def test_the_report_as_table_json_and_plot(key, tmp_path):
    report = compare(key, jnp.square, normal, 1.0, estimators=CONTINUOUS, repeats=500)
    table = report.table()
    assert "skipped, because\n  ARM() is for Bernoulli, not for Normal." in table
    assert "best" in table.splitlines()[2]
    content = json.loads(report.to_json(tmp_path / "report.json"))
    assert json.loads((tmp_path / "report.json").read_text()) == content
    assert content["rows"][0]["name"] == "Pathwise()"
    assert content["rows"][-1] == {
        "name": "ARM()",
        "skipped": "ARM() is for Bernoulli, not for Normal.",
    }


def test_without_an_exact_truth_a_long_run_stands_for_it(key):
    report = compare(
        key,
        lambda x: jnp.sum(x**2, -1),
        lambda m: dists.Normal(m, 1.0).to_event(1),
        jnp.ones(8),
        estimators=(ScoreFunction(), ScoreFunction("leave_one_out")),
        repeats=1000,
    )
    assert "MeasureValued" in report.reference
    np.testing.assert_allclose(report.truth, 2.0, atol=0.05)
    assert not any(row.biased for row in report.rows)


def test_evaluations_are_equal_where_they_can_be(key):
    report = compare(
        key, jnp.square, normal, 1.0, num_samples=12, repeats=100, estimators=CONTINUOUS
    )
    taken = {row.name: (row.num_samples, row.cost.total) for row in report.rows}
    assert taken["ScoreFunction()"] == (12, 12)
    assert taken["Pathwise()"] == (4, 12)
    assert taken["MeasureValued()"] == (6, 12)


def test_bad_arguments_are_refused(key):
    with pytest.raises(InputError, match="at least 2"):
        compare(jax.random.clone(key), jnp.square, normal, 1.0, repeats=1)
    with pytest.raises(InputError, match="equal='time'"):
        compare(jax.random.clone(key), jnp.square, normal, 1.0, equal="time")
    with pytest.raises(InputError, match="pytree like params"):
        compare(key, jnp.square, normal, 1.0, reference=(1.0, 2.0))


def test_every_estimator_of_the_menu_states_itself_as_data():
    for estimator in menu():
        assert isinstance(estimator.unbiased, bool)
        assert isinstance(estimator.differentiates, bool)
        assert isinstance(estimator.stateful, bool)
        assert estimator.min_samples >= 1
        assert estimator.families is None or estimator.families
        assert type(estimator).__doc__
        assert str(estimator).startswith(type(estimator).__name__)
        assert hash(estimator) is not None


def test_auto_takes_the_cheapest_and_stays_unbiased(key):
    auto = Auto((Pathwise(), ScoreFunction(), ScoreFunction("leave_one_out")))
    assert auto.choice(cosine, normal(1.0), 4) == "ScoreFunction()"
    assert auto.choice(jnp.square, normal(1.0), 4) == "Pathwise()"
    coin = dists.Bernoulli(logits=0.5)
    assert auto.choice(lambda b: b + 5.0, coin, 4) == (
        "ScoreFunction(baseline='leave_one_out')"
    )
    check_unbiased(key, cosine, normal, 1.0, auto, num_samples=4, repeats=20_000)
    assert auto.unbiased
    assert not Auto((Pathwise(), GumbelSoftmax(1.0))).unbiased


def test_auto_keeps_no_state_and_says_when_nobody_can(key):
    with pytest.raises(InputError, match="state"):
        Auto((ScoreFunction("moving_average"),))
    with pytest.raises(InputError, match="None of the candidates"):
        Auto((ARM(), Enumerate())).choice(jnp.square, normal(0.0))


def six(means):
    return dists.Normal(means, 1.0).to_event(1)


def bowl(x):
    return jnp.sum(x**2, axis=-1)


def test_a_pilot_is_counted_apart_and_measure_valued_is_not_the_last(key):
    """With a pilot in every gradient the default was the last."""
    auto = MeasureValued("auto")
    report = compare(
        key,
        bowl,
        six,
        jnp.ones(6),
        estimators=(ScoreFunction(), MeasureValued(), auto),
        num_samples=24,
        repeats=300,
        reference=jnp.full(6, 2.0),
        progress=None,
    )
    _, plain, measured = report.rows
    assert report.best().name == plain.name == "MeasureValued()"
    # Two samples; of one coordinate alone: no other adds to the difference.
    low, high = plain.total_interval
    assert low < 6 * (16 / np.pi - 4) / 2 < high
    assert plain.num_samples == measured.num_samples == 2
    assert plain.cost == measured.cost == (24, 0)
    assert (plain.pilot.total, measured.pilot.total) == (0, 32 * (1 + 3 * 6))
    assert measured.price() == 24 * measured.total_variance
    head, *lines = report.table().splitlines()
    assert head.split()[3] == "pilot"
    (line,) = (line for line in lines if line.startswith(str(auto)))
    assert "24 f  608 f" in line
    assert json.loads(report.to_json())["rows"][2]["pilot"]["total"] == 608


@pytest.mark.parametrize(
    ("estimator", "pilot"),
    [
        (ScoreFunction("optimal"), (4, 0)),
        (DoubleCV("pilot", pilot=5), (0, 10)),
        (Auto((ScoreFunction(), ARM()), pilot=7), (7 * (3 + 2 * 3), 0)),
        (MeasureValued("auto"), (0, 0)),
    ],
    ids=str,
)
def test_the_cost_of_a_gradient_has_no_pilot_in_it(estimator, pilot):
    coins = dists.Bernoulli(logits=jnp.zeros(2)).to_event(1)
    assert estimator.pilot_cost(coins, 3) == pilot
    plain = {"MeasureValued": 9, "Auto": 6, "DoubleCV": 9}
    assert estimator.cost(coins, 3).total == plain.get(type(estimator).__name__, 3)


def test_the_expansion_of_a_pilot_counts_too():
    pair = six(jnp.ones(2))
    base = ScoreFunction("optimal", pilot=8)
    nodes = base.pilot_cost(pair, 1).evaluations
    assert DeltaMethod(base, 1.0).pilot_cost(pair, 3) == (nodes, nodes)
    both = 5 * 1 + 2 * nodes
    assert DeltaMethod(base, pilot=5).pilot_cost(pair, 3) == (both, both)
    assert DeltaMethod(base, pilot=5).cost(pair, 3) == (3, 3 + 1 + 2)


def test_progress_is_a_line_before_each_wait(key, capsys):
    lines = []

    def run(**options):
        compare(
            jax.random.clone(key),
            jnp.square,
            normal,
            1.0,
            estimators=(ARM(), ScoreFunction(), MeasureValued()),
            repeats=2,
            reference=2.0,
            **options,
        )

    run(progress=lines.append)
    assert lines == ["the true gradient", "1 of 2: ScoreFunction()"] + [
        "2 of 2: MeasureValued()"
    ]
    # By default to stderr: a table in a pipe stays a table.
    run()
    assert capsys.readouterr() == ("", "".join(line + "\n" for line in lines))
    run(progress=None)
    assert capsys.readouterr() == ("", "")


def test_what_a_comparison_returns_is_read_at_a_glance(key):
    report = compare(
        jax.random.clone(key),
        bowl,
        six,
        jnp.ones(6),
        estimators=(ARM(), ScoreFunction()),
        repeats=50,
        reference=jnp.full(6, 2.0),
        progress=None,
    )
    assert repr(report) == (
        "Report(best ScoreFunction() of 1, 1 skipped; print it: a table)"
    )
    row = report.best()
    assert repr(row).startswith(
        f"Row(ScoreFunction(): variance {row.total_variance:.4g}"
    )
    assert repr(report.rows[0]) == (
        "Row(skipped: ARM() is for Bernoulli, not for Normal.)"
    )
    test = bias_test(moments(key, jax.random.normal, 50), 0.0)
    for one in (report, row, report.rows[0], test):
        assert len(repr(one)) < 160
        assert "\n" not in repr(one)
    assert repr(test).startswith(f"BiasTest(p = {test.p_value:.2g}: the largest of 1 ")
