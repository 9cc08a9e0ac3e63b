"""The flags that choose and shape a model."""

from typing import Annotated

import typer

from tfopt.choices import Arch, Cell, Parts, Size

MODEL = "Model"

ArchOption = Annotated[
    Arch | None, typer.Option("--arch", help="Architecture; left out: what suits the data.", show_default=False)
]
SizeOption = Annotated[
    Size, typer.Option("--size", help="Width and depth together, as the architecture has them.", rich_help_panel=MODEL)
]
Width = Annotated[
    int | None,
    typer.Option(
        "--width",
        metavar="N",
        help="Units or filters of a layer, in place of what --size says.",
        rich_help_panel=MODEL,
        show_default=False,
    ),
]
Depth = Annotated[
    int | None,
    typer.Option(
        "--depth",
        metavar="N",
        help="Layers or blocks, in place of what --size says.",
        rich_help_panel=MODEL,
        show_default=False,
    ),
]
Dropout = Annotated[
    float | None,
    typer.Option(
        "--dropout",
        metavar="FRACTION",
        help="Share of units dropped in training, in place of what --size says.",
        rich_help_panel=MODEL,
        show_default=False,
    ),
]
Residual = Annotated[
    bool,
    typer.Option("--residual/--no-residual", help="cnn: a ResNet in place of plain blocks.", rich_help_panel=MODEL),
]
CellOption = Annotated[Cell, typer.Option("--cell", help="rnn, hybrid: the recurrent cell.", rich_help_panel=MODEL)]
Bidirectional = Annotated[
    bool,
    typer.Option(
        "--bidirectional/--no-bidirectional", help="rnn, hybrid: read sequences both ways.", rich_help_panel=MODEL
    ),
]
PartsOption = Annotated[
    Parts, typer.Option("--parts", help="hybrid: what follows the convolutions.", rich_help_panel=MODEL)
]
Heads = Annotated[
    int | None,
    typer.Option(
        "--heads",
        metavar="N",
        help="transformer, hybrid, seq2seq: heads of attention, in place of what --size says.",
        rich_help_panel=MODEL,
        show_default=False,
    ),
]
