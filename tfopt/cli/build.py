"""`tfopt build`: a new model from an architecture and a data set, untrained."""

from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.cli import data_options, options
from tfopt.cli import training_options as training
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.core.destination import Destination
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.core.result import Result

EXAMPLES = """Examples:

  tfopt build --arch hybrid --parts rnn+attention -o net.keras

  tfopt build --arch cnn --residual --size base --data fashion_mnist"""


@data_options.with_data
def build(
    data: Options,
    arch: training.ArchOption = None,
    size: training.SizeOption = "small",
    width: training.Width = None,
    depth: training.Depth = None,
    dropout: training.Dropout = None,
    residual: training.Residual = False,
    blocks: training.Blocks = 1,
    cell: training.CellOption = "lstm",
    bidirectional: training.Bidirectional = False,
    parts: training.PartsOption = "rnn",
    heads: training.Heads = None,
    seed: options.Seed = 0,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Write a new, untrained model for a data set, which it remembers."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.data.config import DataConfig
        from tfopt.models.config import BuildConfig

        config = BuildConfig(
            arch=arch,
            size=size,
            width=width,
            depth=depth,
            dropout=dropout,
            residual=residual,
            blocks=blocks,
            cell=cell,
            bidirectional=bidirectional,
            parts=parts,
            heads=heads,
            seed=seed,
        )
        source = DataConfig.model_validate(data)
        destination = Destination(output or Path("model.keras"), suffix=".keras", force=force)
        name = destination.path.name

        def built(_: object) -> "Result":
            from tfopt import api as creating

            return creating.build(config, source, name=name, progress=out)

        make(out, destination, built, None)
