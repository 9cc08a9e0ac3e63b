"""`tfopt shootout`: architectures against each other at an equal budget."""

from typing import Annotated, get_args

import typer

from tfopt.cli import data_options, options
from tfopt.cli.output import Output
from tfopt.config.choices import Arch, Size
from tfopt.errors import InputError
from tfopt.typing import Options

EXAMPLES = """Examples:

  tfopt shootout

  tfopt shootout --arch mlp,cnn,rnn,transformer,hybrid --data fashion_mnist --parameters 50000 --seeds 5

  tfopt shootout --arch cnn,mobilenet --seconds 60 --size base"""


@data_options.with_data
def shootout(
    data: Options,
    archs: Annotated[
        str, typer.Option("--arch", metavar="NAME,...", help="Architectures to compare.")
    ] = "mlp,cnn,rnn,transformer,hybrid",
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="Trainings of each, with the seeds 0, 1, ...")] = 3,
    parameters: Annotated[
        int | None,
        typer.Option(
            "--parameters",
            metavar="N",
            help="Weights that each may have; widths are fitted to it (20,000).",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            metavar="S",
            help="Instead: seconds of training that each may take, at --size.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[Size, typer.Option("--size", help="Depth, and with --seconds the width.")] = "small",
    epochs: options.Epochs = 30,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-3,
    patience: options.Patience = 10,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Train architectures at an equal budget with several seeds, and measure what comparison tables claim."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.data.config import DataConfig
        from tfopt.shootouts.config import ShootoutConfig
        from tfopt.training.config import TrainConfig

        known = get_args(Arch)
        names = tuple(name.strip() for name in archs.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(f"--arch {','.join(unknown)} is not known; there are {', '.join(known)}")
        training = TrainConfig(
            size=size, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience
        )
        config = ShootoutConfig(archs=names, seeds=seeds, parameters=parameters, seconds=seconds, training=training)
        source = DataConfig.model_validate(data)
        out.load_tensorflow()
        from tfopt import api as judging

        out.shootout(judging.shootout(config, source, progress=out))
