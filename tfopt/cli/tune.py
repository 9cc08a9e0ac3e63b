"""`tfopt tune`: a search for the training options that do best on the validation split."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from tfopt.cli.command import command
from tfopt.cli.groups import Fields
from tfopt.cli.options import flag_of
from tfopt.cli.output import Output
from tfopt.cli.technique import write
from tfopt.config.fields import Config
from tfopt.config.run import TargetConfig
from tfopt.data.config import DataConfig
from tfopt.training.config import CheckpointConfig, TrainConfig
from tfopt.tuning.config import TuneConfig

if TYPE_CHECKING:
    from tfopt.core.result import Result


@command
def tune(
    out: Output,
    config: TuneConfig,
    data: DataConfig,
    target: TargetConfig,
    run: Annotated[CheckpointConfig, Fields(CheckpointConfig, only=("resume",))],
) -> None:
    """Train many models with different options and write the one that does best on the validation split.

    Examples:
        tfopt tune --trials 20
        tfopt tune --arch any --data fashion_mnist --timeout 1h --parallel 2 -o fashion.keras
        tfopt tune --trials 40 --resume --force
    """
    from tfopt.core.destination import Destination
    from tfopt.tuning.study_files import StudyFiles

    destination = Destination(target.output or "best.keras", suffix=".keras", force=target.force)
    path = destination.path
    files = StudyFiles(path.with_name(path.name + ".tune.db"), resume=run.resume, force=target.force)
    files.refuse()

    def tuned() -> "Result":
        from tfopt.api import tune

        out.on_failure = f"trials that have ended are in {files.path}: the same command with --resume goes on"
        result = tune(config, data, files=files, name=str(path), progress=out)
        assert result.artifact.provenance is not None
        made = TrainConfig.model_validate(result.artifact.provenance.history[-1].config)
        again = shlex.join(["tfopt", "train", *_options(made), *_options(data)])
        kept = f"{files.path} keeps the search: --resume --force with more --trials goes on with it"
        return replace(result, report=result.report.with_notes([f"the same model again: {again}", kept]))

    write(out, destination, tuned)


def _options(config: Config) -> list[str]:
    """Return the options that ask for what is not the default."""
    words: list[str] = []
    for name, value in config.model_dump(mode="json", exclude_defaults=True).items():
        shown = [] if value is True else [",".join(value)] if isinstance(value, list) else [str(value)]
        words += [flag_of(type(config), name).partition("/")[0], *shown]
    return words
