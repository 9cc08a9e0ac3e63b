"""`tfopt distill`: a small Keras model learns from the answers of a large one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from tfopt.cli import data_options, options
from tfopt.cli.distribution import Distributed, Replicas, spread
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.config.choices import Arch, Size
from tfopt.core.destination import Destination
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

if TYPE_CHECKING:
    from tfopt.models.config import ModelConfig

EXAMPLES = """Examples:

  tfopt distill model.keras

  tfopt distill model.keras --student cnn:tiny --temperature 2 --alpha 0.3

  tfopt distill model.keras --student small.keras --features -o taught.keras"""


def distill(
    teacher: Annotated[
        Path,
        typer.Argument(
            metavar="TEACHER", help="The model to learn from: a .keras file, or one of Keras 2.", show_default=False
        ),
    ],
    student: Annotated[
        str | None,
        typer.Option(
            "--student",
            metavar="ARCH[:SIZE]|FILE",
            help="The model that learns: a new one, as cnn:tiny, or a .keras file, of which a copy is trained; left"
            " out: the architecture that suits the data, tiny.",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            metavar="T",
            help="Soften the teacher's probabilities: above 1, wrong classes show more (4).",
            show_default=False,
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option("--alpha", metavar="SHARE", help="Weight of the labels in the loss; the teacher has the rest."),
    ] = 0.1,
    features: Annotated[
        bool,
        typer.Option("--features/--no-features", help="Let layers learn from the teacher's of the same size, too."),
    ] = False,
    epochs: options.Epochs = 30,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-3,
    patience: options.Patience = 10,
    seed: options.Seed = 0,
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
    """Train a small model to answer as a large one does, and as the labels say."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.techniques.distillation.config import DistillConfig

        config = DistillConfig(
            student=_student(student),
            temperature=temperature,
            alpha=alpha,
            features=features,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            seed=seed,
            **spread(distributed, replicas),
        )
        source = data_options.data_config(data, scale)
        path = check_model_path(teacher)
        given = [config.student] if isinstance(config.student, Path) else []
        destination = Destination(
            output or Path(f"{path.stem}-distilled.keras"), suffix=".keras", force=force, inputs=[path, *given]
        )
        name = destination.path.name
        make(out, destination, lambda w: w.distill(path, config, source, name=name, progress=out), custom_objects)


def _student(text: str | None) -> "ModelConfig | Path":
    """Read ARCH[:SIZE], or the path of a model."""
    from tfopt.models.config import ModelConfig

    if text is None:
        return ModelConfig(size="tiny")
    if Path(text).suffix or Path(text).exists():
        return check_model_path(text)
    arch, _, size = text.partition(":")
    if arch not in get_args(Arch) or (size or "tiny") not in get_args(Size):
        raise InputError(
            f"--student {text} is neither a model file nor an architecture ({', '.join(get_args(Arch))}), alone or with"
            f" a size ({', '.join(get_args(Size))}) as in cnn:tiny"
        )
    return ModelConfig.model_validate({"arch": arch, "size": size or "tiny"})
