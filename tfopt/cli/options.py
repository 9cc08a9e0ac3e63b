"""Every flag is spelled once, here or in `data_options`; a command picks the ones it takes."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.config.choices import Algorithm, Engine, Grain, Initialization, Schedule, Scope, WeightType
from tfopt.errors import InputError

DATA = "Data"
RUN = "Run and output"

ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A .keras file, or one of Keras 2.", show_default=False)
]
OptionalModel = Annotated[
    Path | None,
    typer.Argument(
        metavar="[MODEL]",
        help="A .keras file, or one of Keras 2; left out: the newest one here that tfopt wrote.",
        show_default=False,
    ),
]
ModelsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="MODEL...", help=".keras and .tflite files; the first is the baseline.", show_default=False),
]
AnyModel = Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras or .tflite file.", show_default=False)]

Epochs = Annotated[int, typer.Option("--epochs", metavar="N", help="Most epochs to train.")]
BatchSize = Annotated[int, typer.Option("--batch-size", metavar="N", help="Samples a step, over all replicas.")]
LearningRate = Annotated[float, typer.Option("--learning-rate", metavar="RATE", help="Learning rate of Adam.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same machine: same result.")]
Patience = Annotated[
    int, typer.Option("--patience", metavar="N", help="Stop this many epochs after the lowest validation loss.")
]
TensorBoard = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard", metavar="DIR", help="Write TensorBoard logs there.", rich_help_panel=RUN, show_default=False
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume/--no-resume", help="Go on with a run that was stopped, if there is one.", rich_help_panel=RUN
    ),
]
Sparsity = Annotated[
    float | None,
    typer.Option(
        "--sparsity",
        metavar="FRACTION",
        help="Share of the weights that become zero, above 0 and below 1 (0.5).",
        show_default=False,
    ),
]
PatternOption = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        metavar="N:M|block:RxC",
        help="N zeros in every M input weights, as in 2:4, or whole blocks, as in block:1x4.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    Engine | None,
    typer.Option(
        "--engine", help="Prune with tfopt's masks (tfopt) or by TensorFlow Model Optimization.", show_default=False
    ),
]
ScheduleOption = Annotated[
    Schedule | None,
    typer.Option(
        "--schedule",
        help="Grow sparsity by the cubic schedule (cubic), hold it from the start, or prune once without training.",
        show_default=False,
    ),
]
ScopeOption = Annotated[
    Scope,
    typer.Option(
        "--scope", help="Prune every layer alike (layer, local), or what matters least in all of them (global)."
    ),
]
Clusters = Annotated[
    int, typer.Option("--clusters", metavar="N", help="Most distinct values in a kernel, from 2 to 256.")
]
InitOption = Annotated[Initialization, typer.Option("--init", help="Where the search for the values starts.")]
PerOption = Annotated[Grain, typer.Option("--per", help="Share values in a whole kernel or in each output channel.")]
KeepZeros = Annotated[
    bool, typer.Option("--keep-sparsity/--no-keep-sparsity", help="Keep the zeros of a pruned model.")
]
Exclude = Annotated[
    str | None,
    typer.Option("--exclude", metavar="REGEX", help="Spare the layers whose name this matches.", show_default=False),
]
QAT = "With --qat"
QatBits = Annotated[
    int | None,
    typer.Option("--bits", metavar="8|4", help="Bits of a weight (8).", rich_help_panel=QAT, show_default=False),
]
QatEpochs = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", help="Most epochs to train (5).", rich_help_panel=QAT, show_default=False),
]
QatBatchSize = Annotated[
    int | None,
    typer.Option("--batch-size", metavar="N", help="Samples a step (64).", rich_help_panel=QAT, show_default=False),
]
QatLearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate",
        metavar="RATE",
        help="Learning rate of Adam (0.0001).",
        rich_help_panel=QAT,
        show_default=False,
    ),
]
QatSeed = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="N", help="Same seed, same machine: same result (0).", rich_help_panel=QAT, show_default=False
    ),
]
KeepSparsity = Annotated[
    bool | None,
    typer.Option(
        "--keep-sparsity/--no-keep-sparsity",
        help="Keep the zeros of a pruned model (yes).",
        rich_help_panel=QAT,
        show_default=False,
    ),
]
KeepClusters = Annotated[
    bool | None,
    typer.Option(
        "--keep-clusters/--no-keep-clusters",
        help="Keep the shared weights of a clustered model (yes).",
        rich_help_panel=QAT,
        show_default=False,
    ),
]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Integer weights (per-channel) and activations, calibrated; the default.")
]
Int16 = Annotated[bool, typer.Option("--int16", help="16-bit activations, calibrated, with 8-bit weights (16x8).")]
Float16 = Annotated[bool, typer.Option("--float16", help="Weights in half precision.")]
Dynamic = Annotated[
    bool, typer.Option("--dynamic", help="8-bit weights; activations become integers as they come, without data.")
]
Weights = Annotated[
    WeightType | None,
    typer.Option(
        "--weights",
        help="How weights are stored: alone, they are unpacked to compute in float; with --int8, --int16 or --dynamic,"
        " what those compute with (int8).",
        show_default=False,
    ),
]
Block = Annotated[
    int | None,
    typer.Option(
        "--block",
        metavar="32|64|128|256",
        help="With --dynamic --weights int4 or int2: a scale for so many input weights of a dense layer.",
        show_default=False,
    ),
]
AlgorithmOption = Annotated[
    Algorithm | None,
    typer.Option(
        "--algorithm",
        help="How scales are chosen (minmax); gptq rounds the weights of dense layers by what they are fed.",
        show_default=False,
    ),
]
CalibrationOption = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="N|FILE|DIR",
        help="Calibrate on N samples of the data, on arrays in an .npz or .npy file, as the model is fed, or on a"
        " folder of images; left out: the calibration split.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option("--batch", metavar="N", help="Fix the batch of the .tflite file at N.", show_default=False),
]
Length = Annotated[
    int | None,
    typer.Option(
        "--length", metavar="N", help="Fix what else is free, as the length of a sequence, at N.", show_default=False
    ),
]
CustomObjects = Annotated[
    str | None,
    typer.Option(
        "--custom-objects",
        metavar="MODULE:FUNCTION",
        help="Import your own layers: the function returns a dict of names and classes. Runs the module's code.",
        rich_help_panel=RUN,
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="OUT", help="File to write.", rich_help_panel=RUN, show_default=False),
]
Force = Annotated[bool, typer.Option("--force/--no-force", help="Replace files that exist.", rich_help_panel=RUN)]
Json = Annotated[
    bool, typer.Option("--json/--no-json", help="Print the report as one JSON object on stdout.", rich_help_panel=RUN)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no report on the terminal.", rich_help_panel=RUN)
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show every layer, and what TensorFlow logs.", rich_help_panel=RUN)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback if something fails.", rich_help_panel=RUN)]


def share(text: str | None, option: str) -> float | None:
    """Read 0.005 or 0.5% as a share."""
    if text is None:
        return None
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        raise InputError(f"{option} {text} is not a share; write it like 0.005 or 0.5%") from None
    return number / 100 if text.endswith("%") else number
