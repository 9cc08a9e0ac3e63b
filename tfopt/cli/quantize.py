"""`tfopt quantize`: a Keras model becomes a LiteRT file with small numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tfopt.cli import data_options, options
from tfopt.cli.distribution import QatDistributed, QatReplicas
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.cli.precision import chosen, quantize_config
from tfopt.cli.teaching import QatTeacher, QatTeacherWeight, teaching
from tfopt.config.choices import InterfaceType
from tfopt.core.destination import Destination
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path, newest_tfopt_model
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.config.choices import Precision
    from tfopt.techniques.qat.config import QatConfig
    from tfopt.techniques.quantization.config import QuantizeConfig

EXAMPLES = """Examples:

  tfopt quantize --int8

  tfopt quantize model.keras --int8 --io int8 -o firmware.tflite

  tfopt quantize model.keras --int8 --max-drop 0.5%

  tfopt quantize model.keras --dynamic --weights int4 --algorithm gptq

  tfopt quantize model.keras --float16

  tfopt quantize model-pruned.keras --qat --epochs 3"""


Emit = Annotated[
    Literal["c"] | None,
    typer.Option(
        "--emit",
        help="Also write the file as a C array with a header, for TensorFlow Lite Micro.",
        show_default=False,
    ),
]


def quantize(
    model: options.OptionalModel = None,
    int8: options.Int8 = False,
    int16: options.Int16 = False,
    float16: options.Float16 = False,
    dynamic: options.Dynamic = False,
    weights: options.Weights = None,
    block: options.Block = None,
    algorithm: options.AlgorithmOption = None,
    qat: Annotated[
        bool, typer.Option("--qat", help="Train for int8 first (quantization-aware); writes a .keras file as well.")
    ] = False,
    io: Annotated[
        InterfaceType, typer.Option("--io", help="Type of the inputs and outputs of an int8 file.")
    ] = "float",
    max_drop: Annotated[
        str | None,
        typer.Option(
            "--max-drop",
            metavar="SHARE",
            help="Keep the worst layers in float until accuracy falls by no more: 0.5% or 0.005. Left out: no layer is"
            " kept, and to lose more than 5% is a failure.",
            show_default=False,
        ),
    ] = None,
    emit: Emit = None,
    batch: options.Batch = None,
    length: options.Length = None,
    bits: options.QatBits = None,
    epochs: options.QatEpochs = None,
    batch_size: options.QatBatchSize = None,
    learning_rate: options.QatLearningRate = None,
    seed: options.QatSeed = None,
    keep_sparsity: options.KeepSparsity = None,
    keep_clusters: options.KeepClusters = None,
    teacher: QatTeacher = None,
    teacher_weight: QatTeacherWeight = None,
    distributed: QatDistributed = None,
    replicas: QatReplicas = None,
    calibration: options.CalibrationOption = None,
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
    """Convert a model to LiteRT with 2-bit to 16-bit numbers, and run it before reporting; exit 1 if it collapsed."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        after = {
            "weights": weights, "block": block, "algorithm": algorithm, "calibration": calibration,
            "max_drop": options.share(max_drop, "--max-drop"), "batch": batch, "length": length,
        }  # fmt: skip
        training = {
            "bits": bits, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed,
            "keep_sparsity": keep_sparsity, "keep_clusters": keep_clusters,
            **teaching(teacher, teacher_weight), "distributed": distributed, "replicas": replicas,
        }  # fmt: skip
        flags = {"int8": int8, "int16": int16, "float16": float16, "dynamic": dynamic}
        config = _config(chosen(flags, weights), io, after, training, qat=qat)
        source = data_options.data_config(data, scale)
        path = check_model_path(model) if model else newest_tfopt_model(Path())
        if model is None:
            out.say(f"quantizing {path}, the newest Keras model here that tfopt wrote")
        destination = Destination(
            output or Path(f"{path.stem}-{config.name}.tflite"),
            suffix=".tflite",
            force=force,
            inputs=[path],
            beside=[*([".keras"] if qat else []), *([".c", ".h"] if emit else [])],
        )
        name = destination.path.name
        make(out, destination, lambda w: w.quantize(path, config, source, name=name, progress=out), custom_objects)


def _config(
    precision: "Precision", io: InterfaceType, after: Options, training: Options, *, qat: bool
) -> "QuantizeConfig | QatConfig":
    from tfopt.techniques.qat.config import QatConfig

    trained = {name: value for name, value in training.items() if value is not None}
    if not qat:
        if trained:
            raise InputError(f"{_flag(trained)} needs --qat, which trains; --{precision} does not")
        return quantize_config(precision, {"io": io, **after})
    if precision != "int8":
        raise InputError(f"--qat trains for int8; it excludes --{precision}")
    given = {name: value for name, value in after.items() if value is not None}
    if given:
        raise InputError(f"{_flag(given)} is for quantization after training; it excludes --qat")
    return QatConfig(io=io, **trained)


def _flag(given: Options) -> str:
    return f"--{next(iter(given)).replace('_', '-')}"
