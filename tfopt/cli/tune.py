"""`tfopt tune`: a search for the training options that do best on the validation split."""

import re
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from tfopt.cli import data_options, options
from tfopt.cli.output import Output
from tfopt.config.choices import SearchMethod, TunedArch
from tfopt.core.destination import Destination
from tfopt.errors import InputError
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.config.fields import Config
    from tfopt.data.config import DataConfig

EXAMPLES = """Examples:

  tfopt tune --trials 20

  tfopt tune --arch any --data fashion_mnist --timeout 1h --parallel 2 -o fashion.keras

  tfopt tune --trials 40 --resume --force"""

UNITS = {"s": 1, "m": 60, "h": 3600}


@data_options.with_data
def tune(
    data: Options,
    arch: Annotated[
        TunedArch | None,
        typer.Option(
            "--arch", help="Architecture, or any: each that fits; left out: what suits the data.", show_default=False
        ),
    ] = None,
    search: Annotated[
        SearchMethod, typer.Option("--search", help="Try at random, a coarse grid, or by what did well so far.")
    ] = "bayes",
    trials: Annotated[
        int, typer.Option("--trials", metavar="N", help="Trainings in all, with those of a search that is resumed.")
    ] = 20,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Stop after 90s, 10m or 1h.", show_default=False),
    ] = None,
    parallel: Annotated[
        int, typer.Option("--parallel", metavar="N", help="Processes that train at the same time.")
    ] = 1,
    epochs: options.Epochs = 30,
    patience: options.Patience = 10,
    seed: options.Seed = 0,
    output: options.Output = None,
    force: options.Force = False,
    resume: options.Resume = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Train many models with different options and write the one that does best on the validation split."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.data.config import DataConfig
        from tfopt.training.config import TrainConfig
        from tfopt.tuning.config import TuneConfig
        from tfopt.tuning.study_files import StudyFiles

        config = TuneConfig(
            arch=arch, search=search, trials=trials, timeout=_seconds(timeout), parallel=parallel,
            epochs=epochs, patience=patience, seed=seed,
        )  # fmt: skip
        source = DataConfig.model_validate(data)
        destination = Destination(output or "best.keras", suffix=".keras", force=force)
        path = destination.path
        files = StudyFiles(path.with_name(path.name + ".tune.db"), resume=resume, force=force)
        files.refuse()
        out.load_tensorflow()
        from tfopt import api as creating

        out.on_failure = f"trials that have ended are in {files.path}: the same command with --resume goes on"
        with destination.held():
            result = creating.tune(config, source, files=files, name=path.name, progress=out)
            assert result.artifact.provenance is not None
            made = TrainConfig.model_validate(result.artifact.provenance.history[-1].config)
            told = result.report.with_notes(
                [
                    f"the same model again: {_command(made, source)}",
                    f"{files.path} keeps the search: --resume --force with more --trials goes on with it",
                ]
            )
            report = destination.save(result.artifact.payload, told)
        out.report(report, written=destination.written)


def _seconds(text: str | None) -> float | None:
    """Read 90s, 10m or 1h."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not match:
        raise InputError(f"--timeout {text} is not a time; write it like 90s, 10m or 1h")
    return float(match[1]) * UNITS[match[2]]


def _command(config: "Config", source: "DataConfig") -> str:
    """The command that trains with these options: those that are not the default."""
    words = ["tfopt", "train", *_flags(_asked(config))]
    given = {"data" if name == "source" else name: value for name, value in _asked(source).items()}
    return shlex.join([*words, *_flags(given)])


def _asked(config: "Config") -> Options:
    """What a config has that is not the default."""
    return config.model_dump(mode="json", exclude_defaults=True)


def _flags(given: Options) -> list[str]:
    words: list[str] = []
    for name, value in given.items():
        shown = [] if value is True else [",".join(value)] if isinstance(value, list) else [str(value)]
        words.extend([f"--{name.replace('_', '-')}", *shown])
    return words
