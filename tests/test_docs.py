"""Every python block of docs/ runs, in the order of its page.

README.md is a doctest of its own. What would take minutes is not computed:
`training.fit` gives zeros in the shapes of its state; of `metrics.evaluate` the call
alone is checked; `compare` is given two estimators.
"""

import doctest
import importlib.util
import inspect
import re
import sys
import types
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
        if "import equinox" in code and importlib.util.find_spec("equinox") is None:
            continue  # Not among our dependencies: checked where it is installed.
        if code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(
                code, namespace, page.name, str(page), line
            )
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            namespace |= test.globs  # which are a copy
            assert not runner.failures, f"{page.name}, line {line}"
        else:
            # Line numbers of a traceback are those of the page.
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
    for name in [name for name in namespace if name.startswith("test_")]:
        namespace[name]()


FIT = inspect.signature(training.fit)


def untrained(model, source, *, key, **options):
    """Returns zeros in place of the state that `training.fit` would return."""
    FIT.bind(model, source, key=key, **options)
    items = source.feed(0, 1, placement(1).rows(source.batch_size))

    def init(key, items):
        item = jax.tree.map(lambda leaf: leaf[0], items)
        return model.init(key, source.batch(source.resident, item, jnp.int32(0)))

    return jax.tree.map(zeros, jax.eval_shape(init, key, items))


def zeros(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), leaf.shape)
    return jnp.zeros(leaf.shape, leaf.dtype)


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

    monkeypatch.setattr(training, "fit", untrained)
    run(page)


def test_every_fault_in_the_docs_names_its_test():
    here = Path(__file__).parent
    page = (here.parent / "docs/failures.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = [path.read_text() for path in here.rglob("test_*.py")]
    written = {name for text in sources for name in re.findall(r"def (test_\w+)", text)}
    assert len(named) > 20
    assert named - written == set()
