"""`tfopt binarize`: weights of one bit in a Keras model, and 2-bit weights in a LiteRT file."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli import data_options, options
from tfopt.cli.distribution import Distributed, Replicas, spread
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.cli.teaching import OtherTeacher, OtherWeight, teaching
from tfopt.config.choices import Mode
from tfopt.core.destination import Destination
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt binarize model.keras

  tfopt binarize model.keras --mode ternary --post-training

  tfopt binarize model.keras --all-layers --epochs 40 -o tiny.keras

  tfopt binarize model.keras --plain -o for-everyone.keras"""


def binarize(
    model: options.ModelArgument,
    mode: Annotated[
        Mode, typer.Option("--mode", help="Values of a weight: a sign, or a sign or zero, times a scale.")
    ] = "binary",
    activations: Annotated[
        bool,
        typer.Option(
            "--activations/--weights-only", help="Signs in place of the activations between such layers, too."
        ),
    ] = False,
    post_training: Annotated[
        bool, typer.Option("--post-training", help="Round by the calibration split, without training.")
    ] = False,
    keep_first_last: Annotated[
        bool, typer.Option("--keep-first-last/--all-layers", help="Keep the first and the last kernel at 8 bits.")
    ] = True,
    exclude: options.Exclude = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Write an ordinary .keras file, for people without tfopt; it is larger.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", metavar="N", help="Epochs to train (20, or 40 with --activations).", show_default=False
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", help="Samples a step (64).", show_default=False)
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            metavar="RATE",
            help="Learning rate of Adam at the start (0.006, or 0.01 with --activations); it falls to zero.",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = 0,
    teacher: OtherTeacher = None,
    teacher_weight: OtherWeight = None,
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
    """Give each weight one bit, by training or by careful rounding; writes a .keras and a .tflite file."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.techniques.binarization.config import BinarizeConfig

        config = BinarizeConfig(
            mode=mode, activations=activations, post_training=post_training, keep_first_last=keep_first_last,
            exclude=exclude, plain=plain, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, seed=seed,
            **teaching(teacher, teacher_weight), **spread(distributed, replicas),
        )  # fmt: skip
        source = data_options.data_config(data, scale)
        path = check_model_path(model)
        destination = Destination(
            output or Path(f"{path.stem}-{mode}.keras"), suffix=".keras", force=force, inputs=[path], beside=[".tflite"]
        )
        name = destination.path.name
        make(out, destination, lambda w: w.binarize(path, config, source, name=name, progress=out), custom_objects)
