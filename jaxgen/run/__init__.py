"""What a script does around its main: options, command, data, run folder, tables."""

from jaxgen.progress import print_line
from jaxgen.run.command import (
    command_line,
    command_of,
    follow_run,
    resume_command,
    use_devices,
)
from jaxgen.run.options import (
    FREE,
    LENGTH,
    DataOptions,
    PairOptions,
    RunOptions,
    check_bounds,
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
    snapshots,
    start,
    steps_of,
    with_batch_size,
)
from jaxgen.run.tables import print_tables

__all__ = [
    "DataOptions",
    "ENLARGED",
    "FREE",
    "IMAGE_SHAPE",
    "LENGTH",
    "PairOptions",
    "RunOptions",
    "Setup",
    "batch_shapes",
    "batches_of",
    "check_bounds",
    "check_models",
    "check_options",
    "check_positive",
    "class_names",
    "command_line",
    "command_of",
    "display",
    "finish",
    "flag_of",
    "follow_run",
    "in_options",
    "last_record",
    "load_pairs",
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
