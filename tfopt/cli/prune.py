"""`tfopt prune`: zeros in the kernels of a Keras model, or fewer channels, heads and blocks."""

from pathlib import Path

from tfopt.cli import data_options, options, removal
from tfopt.cli.distribution import Distributed, Replicas, spread
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.cli.teaching import Teacher, TeacherWeight, teaching
from tfopt.cli.training_options import augmentations
from tfopt.core.destination import Destination
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt prune model.keras --sparsity 0.5

  tfopt prune model.keras --sparsity 0.8 --scope global --exclude classes -o small.keras

  tfopt prune model.keras --pattern 2:4

  tfopt prune model.keras --sparsity 0.9 --teacher self

  tfopt prune model.keras --structured filters --amount 0.5

  tfopt prune model.keras --structured auto --target-macs 0.4 --importance taylor

  tfopt prune theirs.keras --data samples.npz --scale none"""


def prune(
    model: options.ModelArgument,
    sparsity: options.Sparsity = None,
    schedule: options.ScheduleOption = None,
    scope: options.ScopeOption = "layer",
    pattern: options.PatternOption = None,
    engine: options.EngineOption = None,
    structured: removal.StructuredOption = None,
    amount: removal.Amount = None,
    target_macs: removal.TargetMacs = None,
    target_params: removal.TargetParams = None,
    target_latency: removal.TargetLatency = None,
    importance: removal.ImportanceOption = None,
    round_to: removal.RoundTo = None,
    min_channels: removal.MinChannels = None,
    iterative: removal.Iterative = None,
    augment: removal.Augment = None,
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
    """Set the smallest weights of a model to zero, or remove channels, heads or blocks, and fine-tune the rest."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.techniques.pruning.config import PruneConfig
        from tfopt.techniques.structured.config import StructuredConfig

        masking = {"sparsity": sparsity, "schedule": schedule, "pattern": pattern, "engine": engine}
        shrinking = {
            "amount": amount, "target_macs": target_macs, "target_params": target_params,
            "target_latency": target_latency, "importance": importance, "round_to": round_to,
            "min_channels": min_channels, "iterative": iterative, "augment": augmentations(augment) or None,
        }  # fmt: skip
        common = {
            "exclude": exclude, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
            "seed": seed, **teaching(teacher, teacher_weight), **spread(distributed, replicas),
        }  # fmt: skip
        removed = removal.chosen(structured, shrinking, masking)
        config: PruneConfig | StructuredConfig
        if removed is None:
            given = {name: value for name, value in masking.items() if value is not None}
            config = PruneConfig(**given, **common, scope=scope)
        else:
            config = StructuredConfig(**removed, **common, **({"scope": scope} if scope != "layer" else {}))
        source = data_options.data_config(data, scale)
        path = check_model_path(model)
        destination = Destination(
            output or Path(f"{path.stem}-pruned.keras"), suffix=".keras", force=force, inputs=[path]
        )
        name = destination.path.name
        make(out, destination, lambda w: w.prune(path, config, source, name=name, progress=out), custom_objects)
