"""What a script does around its main: options, command, data, run folder, tables."""

from jaxgen.progress import print_line
from jaxgen.run.callbacks import every_epochs, snapshots
from jaxgen.run.claims import Claim, Finding, Verdict
from jaxgen.run.command import (
    command_line,
    command_of,
    follow_run,
    resume_command,
    use_devices,
)
from jaxgen.run.latent_tables import (
    collapse_table,
    kl_table,
    likelihood_row,
    likelihood_table,
)
from jaxgen.run.options import (
    FREE,
    LENGTH,
    POSITIVE,
    DataOptions,
    PairOptions,
    RunOptions,
    check_bounds,
    check_distinct,
    check_options,
    check_positive,
    flag_of,
    in_options,
)
from jaxgen.run.pairs import (
    ENLARGED,
    load_pairs,
    predicts_colour,
    prepare_pairs,
    training_images,
)
from jaxgen.run.progress import display
from jaxgen.run.records import last_record, median_rate, number_of, records_of
from jaxgen.run.run import finish, merge_parts, open_folder, timed, train
from jaxgen.run.setup import (
    IMAGE_SHAPE,
    Setup,
    batch_shapes,
    batches_of,
    check_models,
    class_names,
    prepare,
    start,
    steps_of,
    with_batch_size,
)
from jaxgen.run.tables import Estimate, Table, mean_estimate, print_tables

__all__ = [
    "Claim",
    "DataOptions",
    "ENLARGED",
    "Estimate",
    "FREE",
    "Finding",
    "IMAGE_SHAPE",
    "LENGTH",
    "POSITIVE",
    "PairOptions",
    "RunOptions",
    "Setup",
    "Table",
    "Verdict",
    "batch_shapes",
    "batches_of",
    "check_bounds",
    "check_distinct",
    "check_models",
    "check_options",
    "check_positive",
    "class_names",
    "collapse_table",
    "command_line",
    "command_of",
    "display",
    "every_epochs",
    "finish",
    "flag_of",
    "follow_run",
    "in_options",
    "kl_table",
    "last_record",
    "likelihood_row",
    "likelihood_table",
    "load_pairs",
    "mean_estimate",
    "median_rate",
    "merge_parts",
    "number_of",
    "open_folder",
    "predicts_colour",
    "prepare",
    "prepare_pairs",
    "print_line",
    "print_tables",
    "records_of",
    "resume_command",
    "snapshots",
    "start",
    "steps_of",
    "timed",
    "train",
    "training_images",
    "use_devices",
    "with_batch_size",
]
