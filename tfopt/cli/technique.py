"""The command of a technique, or of several that share one: made from their configs, whoever wrote them."""

from collections.abc import Callable, Sequence
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tfopt.cli.command import Model, command
from tfopt.cli.commands import text_of
from tfopt.cli.groups import Adjust, Choice, Fields
from tfopt.cli.options import option_of
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.config.run import TargetConfig
from tfopt.core.registry import technique, technique_of
from tfopt.core.technique import AnyTechnique
from tfopt.data.config import OtherDataConfig

if TYPE_CHECKING:
    from tfopt.core.destination import Destination
    from tfopt.core.result import Result

SOURCES = (".c", ".h")


def techniques(*names: str, adjust: Adjust = lambda _, given: given) -> Fields:
    """Return the options of techniques, of which the first needs no option to be chosen."""
    main, *others = map(technique, names)
    return Fields(main.config, *(Choice(one.config, one.option, _text(one)) for one in others), adjust=adjust)


def _text(one: AnyTechnique) -> str:
    return text_of(one.name) or (getdoc(type(one)) or "").partition("\n")[0]


def technique_command(*names: str, model: Any = Model) -> Callable[..., None]:
    """Make the command of techniques, called after the first; raise `InputError` if one cannot be imported."""
    all = [technique(name) for name in names]

    def run(out: Output, model: Path, config: Config, data: OtherDataConfig, target: TargetConfig) -> None:
        make(out, config, model, data, target, one=next(one for one in all if one.config is type(config)))

    run.__annotations__ |= {"model": model, "config": Annotated[Config, techniques(*names)]}
    run.__doc__ = "\n".join([_text(all[0]), "Examples:", *(example for one in all for example in one.examples)])
    return command(run)


def make(
    out: Output,
    config: Config,
    model: Path,
    data: OtherDataConfig,
    target: TargetConfig,
    *,
    one: AnyTechnique | None = None,
    ending: str = "",
    companions: Sequence[str] = (),
) -> None:
    """Apply a technique, that of the config or another `one`, to a file and write what it makes.

    The result is named after the file, with what the technique says or `ending`; `companions` are suffixes of sources.
    """
    from tfopt.core.destination import Destination
    from tfopt.formats.paths import check_model_path

    path, one = check_model_path(model), one or technique_of(config)
    named = (value for name, value in config if option_of(type(config), name).model)
    destination = Destination(
        target.output or (f"{path.stem}{ending}" if ending else one.output_name(path.stem, config)),
        suffix=f".{one.gives}",
        force=target.force,
        inputs=[path, *(check_model_path(value) for value in named if isinstance(value, Path))],
        companions=[*one.companions, *companions],
    )

    def result() -> "Result":
        from tfopt.core.pipeline import Pipeline
        from tfopt.core.recipe import Step

        return Pipeline([Step(one, config)]).run(path, data.config, name=destination.path.name, progress=out)

    write(out, destination, result)


def write(out: Output, destination: "Destination", result: "Callable[[], Result]") -> None:
    """Load TensorFlow, make the result, write it and show the report."""
    with destination.held():
        out.load_tensorflow()
        made = result()
        companions = [companion.payload for companion in made.companions]
        if destination.path.with_suffix(SOURCES[0]) in destination.companions:
            from tfopt.conversion.c_array import c_array

            companions += [text.encode() for text in c_array(made.artifact.payload, destination.path.stem)]
        report = destination.save(made.artifact.payload, out.flags.translate_record(made.report), companions)
    out.report(report, written=destination.written)
