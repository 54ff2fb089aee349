"""Settings under which every test runs."""

import atexit
import os
import shutil
import tempfile

# Eight CPU devices for the tests of parallelism; it must be set before jax starts.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")
# Most of the time of these tests is compilation of programs that run for a moment.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)
# What is compiled or trained once serves all workers and child processes of a session;
# the user's own cache is neither read nor added to.
if not {"JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME"} <= os.environ.keys():
    session = tempfile.mkdtemp(prefix="jaxgen-tests-")
    atexit.register(shutil.rmtree, session, ignore_errors=True)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(session, "jax"))
    os.environ.setdefault("XDG_CACHE_HOME", os.path.join(session, "user"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

import jax
import jaxtyping
import pytest

jax.config.update("jax_debug_key_reuse", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    return jax.random.key(20260)


@pytest.fixture
def without_types(monkeypatch):
    """Turns off the checks of types, which in tests alone come before our own."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
