"""The loop and what it needs: checkpoints, devices, writers, guards. Knows no model."""

from jaxgen.run_files import read_records
from jaxgen.training.best_checkpoint import (
    BEST_FOLDER,
    BestCheckpoint,
    BestScore,
    best_score,
)
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.evaluation import (
    compile_evaluation,
    iterate_batches,
    per_example_terms,
)
from jaxgen.training.every_epochs import EveryEpochs
from jaxgen.training.guard import Failed, Interrupted, NonFiniteError
from jaxgen.training.loop import default_steps_per_call, fit
from jaxgen.training.parallel import Placement, compile_steps, on_one_device, placement
from jaxgen.training.progress import LineTimer, ProgressBar, is_terminal
from jaxgen.training.run_folder import (
    RunFolder,
    check_name,
    discard_run,
    environment,
    has_checkpoint,
    open_run,
    release_run,
    write_json,
)
from jaxgen.training.snapshots import Snapshots, read_snapshots
from jaxgen.training.writers import JsonLines, TensorBoard

__all__ = [
    "BEST_FOLDER",
    "BestCheckpoint",
    "BestScore",
    "Checkpoints",
    "EveryEpochs",
    "Failed",
    "Interrupted",
    "JsonLines",
    "LineTimer",
    "NonFiniteError",
    "Placement",
    "ProgressBar",
    "RunFolder",
    "Snapshots",
    "TensorBoard",
    "best_score",
    "check_name",
    "compile_evaluation",
    "compile_steps",
    "default_steps_per_call",
    "discard_run",
    "environment",
    "fit",
    "has_checkpoint",
    "is_terminal",
    "iterate_batches",
    "on_one_device",
    "open_run",
    "per_example_terms",
    "placement",
    "read_records",
    "read_snapshots",
    "release_run",
    "write_json",
]
