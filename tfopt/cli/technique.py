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
from tfopt.cli.run_config import OtherData, Target
from tfopt.config.fields import Config
from tfopt.core.registry import technique
from tfopt.core.technique import AnyTechnique

if TYPE_CHECKING:
    from tfopt.core.destination import Destination
    from tfopt.core.result import Result

SOURCES = (".c", ".h")


def techniques(*names: str, adjust: Adjust = lambda _, given: given) -> Fields:
    """Return the options of techniques, of which the first needs no option to be chosen."""
    main, *others = map(technique, names)
    choices = (Choice(one.config, one.option, (getdoc(type(one)) or "").partition("\n")[0]) for one in others)
    return Fields(main.config, *choices, adjust=adjust)


def technique_command(*names: str, model: Any = Model) -> Callable[..., None]:
    """Make the command of techniques, called after the first; raise `InputError` if one cannot be imported."""
    all = [technique(name) for name in names]

    def run(out: Output, model: Path, config: Config, data: OtherData, target: Target) -> None:
        make(out, next(one for one in all if one.config is type(config)), config, model, data, target)

    run.__annotations__ |= {"model": model, "config": Annotated[Config, techniques(*names)]}
    text = text_of(names[0]) or (getdoc(type(all[0])) or "").partition("\n")[0]
    run.__doc__ = "\n".join([text, "", "Examples:", *(example for one in all for example in one.examples)])
    return command(run)


def make(
    out: Output,
    one: AnyTechnique,
    config: Config,
    model: Path,
    data: OtherData,
    target: Target,
    *,
    ending: str = "",
    companions: Sequence[str] = (),
) -> None:
    """Apply a technique to a file and write what it makes.

    Args:
        out: Shows the report.
        one: The technique.
        config: What was asked of it.
        model: The file.
        data: The data, if not those that the model remembers.
        target: Where to write.
        ending: What follows the stem of the file in the name of the result, if not what the technique says.
        companions: Suffixes of C sources to write as well.
    """
    from tfopt.core.destination import Destination
    from tfopt.formats.paths import check_model_path

    path = check_model_path(model)
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
