"""`tfopt shootout`: architectures against each other at an equal budget."""

from typing import Annotated

from tfopt.cli.command import command
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.data.config import DataConfig
from tfopt.shootouts.config import ShootoutConfig
from tfopt.training.config import TrainConfig

TRAINING = Fields(TrainConfig, only=("size", "epochs", "batch_size", "learning_rate", "patience"), panel="")


@command
def shootout(out: Output, config: ShootoutConfig, training: Annotated[TrainConfig, TRAINING], data: DataConfig) -> None:
    """Train architectures at an equal budget with several seeds, and measure what comparison tables claim.

    Examples:
        tfopt shootout
        tfopt shootout --arch mlp,cnn,rnn,transformer,hybrid --data fashion_mnist --parameters 50000 --seeds 5
        tfopt shootout --arch cnn,mobilenet --seconds 60 --size base
    """
    out.load_tensorflow()
    from tfopt.api import shootout
    from tfopt.report.shootout import render_shootout

    out.show(shootout(config.model_copy(update={"training": training}), data, progress=out), render_shootout)
