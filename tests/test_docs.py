"""Every python block of docs/ runs, in the order of its page.

README.md is a doctest of its own. What would take minutes is not computed:
`training.fit` gives its first state, and what a page does with it is traced; of
`metrics.evaluate` the call alone is checked; `compare` is given two estimators.
"""

import doctest
import inspect
import re
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxgen import estimators, metrics, training
from jaxgen.training.parallel import placement

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(page):
    """Runs the blocks of a page in one namespace."""
    text, namespace = page.read_text(), {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        line = text[: block.start()].count("\n") + 1
        code = block[1]
        if code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(
                code, namespace, page.name, str(page), line
            )
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            assert not runner.failures, f"{page.name}, line {line}"
        else:
            # Line numbers of a traceback are those of the page.
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
    for name in [name for name in namespace if name.startswith("test_")]:
        namespace[name]()


def traced_fit(unknown):
    """Returns what stands for `training.fit`: its first state, without values.

    The state depends on the tracer `unknown`, so what a page does with it is traced,
    and nothing is compiled.
    """
    signature = inspect.signature(training.fit)

    def fit(model, source, *, key, **options):
        signature.bind(model, source, key=key, **options)
        items = source.feed(0, 1, placement(1).rows(source.batch_size))

        def init(key, items):
            item = jax.tree.map(lambda leaf: leaf[0], items)
            return model.init(key, source.batch(source.resident, item, jnp.int32(0)))

        # Another thread has not entered ensure_compile_time_eval: it traces all of it.
        with ThreadPoolExecutor(1) as thread:
            state = thread.submit(jax.eval_shape, init, key, items).result()
        return jax.tree.map(without_value, state)

    def without_value(leaf):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.fold_in(jax.random.key(0), unknown)
        return jnp.full(leaf.shape, unknown, leaf.dtype)

    return fit


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, monkeypatch):
    evaluate = inspect.signature(metrics.evaluate)

    def checked(*args, **kwargs):
        evaluate.bind(*args, **kwargs)
        return types.SimpleNamespace(table=str)

    # It takes minutes: the call alone is checked.
    monkeypatch.setattr(metrics, "evaluate", checked)
    # The whole menu takes a minute to compile; two of it are enough.
    comparison = sys.modules["jaxgen.estimators.compare"]
    monkeypatch.setattr(comparison, "menu", lambda: estimators.menu()[2:4])

    def traced(unknown):
        monkeypatch.setattr(training, "fit", traced_fit(unknown))
        with jax.ensure_compile_time_eval():
            run(page)

    if "training.fit" in page.read_text():
        jax.eval_shape(traced, jnp.uint32(0))
    else:
        run(page)
