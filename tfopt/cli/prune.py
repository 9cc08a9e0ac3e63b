"""`tfopt prune`: zeros in the kernels of a Keras model."""

from pathlib import Path

from tfopt.artifacts.paths import existing
from tfopt.artifacts.writing import Destination
from tfopt.cli import data_options, options
from tfopt.cli.distribution import Distributed, Replicas, spread
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.cli.teaching import Teacher, TeacherWeight, teaching

EXAMPLES = """Examples:

  tfopt prune model.keras --sparsity 0.5

  tfopt prune model.keras --sparsity 0.8 --scope global --exclude classes -o small.keras

  tfopt prune model.keras --pattern 2:4

  tfopt prune model.keras --sparsity 0.9 --teacher self

  tfopt prune theirs.keras --data samples.npz --scale none"""


def prune(
    model: options.ModelArgument,
    sparsity: options.Sparsity = None,
    schedule: options.ScheduleOption = "cubic",
    scope: options.ScopeOption = "layer",
    pattern: options.PatternOption = None,
    engine: options.EngineOption = "tfopt",
    exclude: options.Exclude = None,
    epochs: options.Epochs = 20,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-3,
    seed: options.Seed = 0,
    teacher: Teacher = None,
    teacher_weight: TeacherWeight = None,
    distributed: Distributed = False,
    replicas: Replicas = None,
    data: data_options.Data = None,
    scale: data_options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Set the smallest weights of a model to zero and fine-tune the others."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.config import PruneConfig

        config = PruneConfig(
            **({} if sparsity is None else {"sparsity": sparsity}),
            schedule=schedule,
            scope=scope,
            pattern=pattern,
            engine=engine,
            exclude=exclude,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            **teaching(teacher, teacher_weight),
            **spread(distributed, replicas),
        )
        source = data_options.data_config(data, scale)
        path = existing(model)
        destination = Destination(
            output or Path(f"{path.stem}-pruned.keras"), suffix=".keras", force=force, inputs=[path]
        )
        name = destination.path.name
        make(out, destination, lambda w: w.prune(path, config, source, name=name, progress=out), custom_objects)
