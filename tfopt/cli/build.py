"""`tfopt build`: a new model from an architecture and a data set, untrained."""

from typing import TYPE_CHECKING

from tfopt.cli.command import command
from tfopt.cli.output import Output
from tfopt.cli.technique import write
from tfopt.config.run import TargetConfig
from tfopt.data.config import DataConfig
from tfopt.models.config import BuildConfig

if TYPE_CHECKING:
    from tfopt.core.result import Result


@command
def build(out: Output, config: BuildConfig, data: DataConfig, target: TargetConfig) -> None:
    """Write a new, untrained model for a data set, which it remembers.

    Examples:
        tfopt build --arch hybrid --parts rnn+attention -o net.keras
        tfopt build --arch cnn --residual --size base --data fashion_mnist
    """
    from tfopt.core.destination import Destination

    destination = Destination(target.output or "model.keras", suffix=".keras", force=target.force)

    def built() -> "Result":
        from tfopt.api import build

        return build(config, data, name=str(destination.path), progress=out)

    write(out, destination, built)
