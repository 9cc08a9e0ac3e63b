"""The flags that say how a model is trained and which model it is, each spelled once."""

from typing import Annotated, get_args

import typer

from tfopt.config.choices import Arch, Augmentation, Cell, Decay, Parts, Size
from tfopt.errors import InputError

MODEL = "Model"
TRAINING = "Training"

ArchOption = Annotated[
    Arch | None,
    typer.Option(
        "--arch", help="Architecture; left out: one that suits the data.", rich_help_panel=MODEL, show_default=False
    ),
]
SizeOption = Annotated[Size, typer.Option("--size", help="How wide and deep it is.", rich_help_panel=MODEL)]
Width = Annotated[
    int | None,
    typer.Option(
        "--width", metavar="N", help="Filters or units, in place of the size's.", rich_help_panel=MODEL,
        show_default=False,
    ),
]  # fmt: skip
Depth = Annotated[
    int | None,
    typer.Option(
        "--depth", metavar="N", help="Blocks or layers, in place of the size's.", rich_help_panel=MODEL,
        show_default=False,
    ),
]  # fmt: skip
Dropout = Annotated[
    float | None,
    typer.Option(
        "--dropout", metavar="RATE", help="Share of activations dropped in training (0.2, or by --arch).",
        rich_help_panel=MODEL, show_default=False,
    ),
]  # fmt: skip
Residual = Annotated[
    bool, typer.Option("--residual/--plain", help="Residual blocks in --arch cnn.", rich_help_panel=MODEL)
]
Blocks = Annotated[
    int, typer.Option("--blocks", metavar="N", help="Residual blocks of each width.", rich_help_panel=MODEL)
]
CellOption = Annotated[
    Cell, typer.Option("--cell", help="Recurrent layers of --arch rnn and hybrid.", rich_help_panel=MODEL)
]
Bidirectional = Annotated[
    bool,
    typer.Option(
        "--bidirectional/--forward", help="Read sequences in both directions: --arch rnn and hybrid.",
        rich_help_panel=MODEL,
    ),
]  # fmt: skip
PartsOption = Annotated[
    Parts, typer.Option("--parts", help="What follows the convolutions of --arch hybrid.", rich_help_panel=MODEL)
]
Heads = Annotated[
    int | None,
    typer.Option("--heads", metavar="N", help="Attention heads.", rich_help_panel=MODEL, show_default=False),
]

DecayOption = Annotated[
    Decay,
    typer.Option("--decay", help="How the learning rate falls over all epochs.", rich_help_panel=TRAINING),
]
Warmup = Annotated[
    float,
    typer.Option(
        "--warmup", metavar="SHARE", help="Share of all steps in which the learning rate rises.",
        rich_help_panel=TRAINING,
    ),
]  # fmt: skip
Augment = Annotated[
    str | None,
    typer.Option(
        "--augment",
        metavar="NAME,...",
        help="Change samples a little each epoch: flip, crop, rotate, noise, mixup. Nothing is done unasked; do not"
        " flip digits.",
        rich_help_panel=TRAINING,
        show_default=False,
    ),
]
L1 = Annotated[
    float, typer.Option("--l1", metavar="X", help="Penalty of the size of weights.", rich_help_panel=TRAINING)
]
L2 = Annotated[
    float, typer.Option("--l2", metavar="X", help="Penalty of the squares of weights.", rich_help_panel=TRAINING)
]
WeightDecay = Annotated[
    float,
    typer.Option("--weight-decay", metavar="X", help="Decoupled weight decay (AdamW).", rich_help_panel=TRAINING),
]
LabelSmoothing = Annotated[
    float,
    typer.Option(
        "--label-smoothing", metavar="SHARE", help="Share of each label given to all classes.",
        rich_help_panel=TRAINING,
    ),
]  # fmt: skip
ClassWeights = Annotated[
    bool,
    typer.Option(
        "--class-weights/--no-class-weights", help="Let rare classes count as much as frequent ones.",
        rich_help_panel=TRAINING,
    ),
]  # fmt: skip
ClipNorm = Annotated[
    float | None,
    typer.Option(
        "--clip-norm", metavar="NORM", help="Scale gradients down to this global norm.", rich_help_panel=TRAINING,
        show_default=False,
    ),
]  # fmt: skip
MixedPrecision = Annotated[
    bool,
    typer.Option(
        "--mixed-precision/--float32", help="Compute in bfloat16 while training; the model that is written is float32.",
        rich_help_panel=TRAINING,
    ),
]  # fmt: skip
Jit = Annotated[
    bool,
    typer.Option(
        "--jit/--no-jit", help="Compile steps with XLA: slow to start, pays on some processors in long runs.",
        rich_help_panel=TRAINING,
    ),
]  # fmt: skip

TRANSFER = "Start from another model"
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="MODEL|keras.applications:NAME",
        help="Take this model without its head, train a new head at ten times --learning-rate, then everything at it.",
        rich_help_panel=TRANSFER,
        show_default=False,
    ),
]
FromWeights = Annotated[
    str | None,
    typer.Option(
        "--from-weights",
        metavar="FILE",
        help="Weights for keras.applications:NAME, or none; left out: ImageNet's, downloaded.",
        rich_help_panel=TRANSFER,
        show_default=False,
    ),
]
Freeze = Annotated[
    str,
    typer.Option(
        "--freeze",
        metavar="N|REGEX|all",
        help="Layers that keep their weights while the head is trained: the first N, those whose name matches, or all.",
        rich_help_panel=TRANSFER,
    ),
]
FineTune = Annotated[
    int | None,
    typer.Option(
        "--fine-tune",
        metavar="N",
        help="Most epochs for the second part, in which everything is trained; 0: none; left out: as --epochs.",
        rich_help_panel=TRANSFER,
        show_default=False,
    ),
]


def augmentations(text: str | None) -> tuple[Augmentation, ...]:
    """Read --augment crop,noise."""
    known: dict[str, Augmentation] = {name: name for name in get_args(Augmentation)}
    names = [name.strip() for name in text.split(",")] if text else []
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"--augment {','.join(unknown)} is not known; there are {', '.join(known)}")
    return tuple(dict.fromkeys(known[name] for name in names))
