"""`tfopt cluster`: few distinct values in the kernels of a Keras model."""

from pathlib import Path

from tfopt.cli import data_options, options
from tfopt.cli.distribution import Distributed, Replicas, spread
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.cli.teaching import Teacher, TeacherWeight, teaching
from tfopt.core.destination import Destination
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt cluster model.keras --clusters 16

  tfopt cluster model-pruned.keras --clusters 32 --per channel --init density"""


def cluster(
    model: options.ModelArgument,
    clusters: options.Clusters = 16,
    init: options.InitOption = "kmeans++",
    per: options.PerOption = "layer",
    keep_sparsity: options.KeepZeros = True,
    exclude: options.Exclude = None,
    epochs: options.Epochs = 5,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-4,
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
    """Let the weights of each kernel share few values, and train these."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.techniques.clustering.config import ClusterConfig

        config = ClusterConfig(
            clusters=clusters,
            init=init,
            per=per,
            keep_sparsity=keep_sparsity,
            exclude=exclude,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            **teaching(teacher, teacher_weight),
            **spread(distributed, replicas),
        )
        source = data_options.data_config(data, scale)
        path = check_model_path(model)
        destination = Destination(
            output or Path(f"{path.stem}-clustered.keras"), suffix=".keras", force=force, inputs=[path]
        )
        name = destination.path.name
        make(out, destination, lambda w: w.cluster(path, config, source, name=name, progress=out), custom_objects)
