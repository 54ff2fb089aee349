"""One script per claim; each is a command, `python -m experiments.NAME --help`."""

import atexit
import gc
import sys

# While Python looks for the module of `python -m experiments.NAME`; its imports, and so
# the time in which a signal would end in a traceback, take seconds.
if sys.argv[:1] == ["-m"]:
    from jaxgen import stopping

    stopping.exit_while_importing()
    # What is imported stays: to look for garbage in it takes a second of a short run.
    gc.disable()  # until `run.command_line`
    atexit.register(gc.freeze)
