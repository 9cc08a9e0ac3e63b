"""The command of a technique, or of several that share one: made from their configs, whoever wrote them."""

from collections.abc import Callable, Sequence
from inspect import Parameter, getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from tfopt.cli.alternatives import Adjust, Alternative, Alternatives
from tfopt.cli.command import command
from tfopt.cli.commands import text_of
from tfopt.cli.options import ModelArgument, Target, Typed
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.core.registry import technique
from tfopt.core.technique import AnyTechnique
from tfopt.data.config import DataConfig

if TYPE_CHECKING:
    from tfopt.core.destination import Destination
    from tfopt.core.result import Result

SOURCES = (".c", ".h")


class Chosen(NamedTuple):
    """A technique and what was asked of it."""

    technique: AnyTechnique
    config: Config


class Techniques:
    """The options of the techniques of a command, of which the first needs no option to be chosen."""

    def __init__(self, *names: str, adjust: Adjust | None = None) -> None:
        self.all = [technique(name) for name in names]
        self.options = Alternatives(
            [Alternative(one.name, one.config, one.option, _help(one)) for one in self.all], adjust
        )

    def parameters(self) -> list[Parameter]:
        """Return an option for each field."""
        return self.options.parameters()

    def read(self, typed: Typed) -> Chosen:
        """Return the technique that was chosen and its config."""
        name, config = self.options.read(typed)
        return Chosen(technique(name), config)


def _help(one: AnyTechnique) -> str:
    return (getdoc(type(one)) or "").partition("\n")[0]


def technique_command(*names: str, model: Any = ModelArgument) -> Callable[..., None]:
    """Make the command of techniques, called after the first; raise `InputError` if one cannot be imported."""
    group = Techniques(*names)

    def run(out: Output, model: Path, chosen: Chosen, data: DataConfig | None, target: Target) -> None:
        make(out, chosen, model, data, target)

    run.__annotations__ |= {"model": model, "chosen": Annotated[Chosen, group]}
    examples = [example for one in group.all for example in one.examples]
    run.__doc__ = "\n".join(
        [text_of(names[0]) or _help(group.all[0]), *(["", "Examples:", *examples] if examples else [])]
    )
    return command(run)


def make(
    out: Output,
    chosen: Chosen,
    model: Path,
    data: DataConfig | None,
    target: Target,
    *,
    ending: str = "",
    companions: Sequence[str] = (),
) -> None:
    """Apply a technique to a file and write what it makes.

    Args:
        out: Shows the report.
        chosen: The technique and its config.
        model: The file.
        data: The data, if not those that the model remembers.
        target: Where to write.
        ending: What follows the stem of the file in the name of the result, if not what the technique says.
        companions: Suffixes of C sources to write as well.
    """
    from tfopt.core.destination import Destination
    from tfopt.formats.paths import check_model_path

    path = check_model_path(model)
    one, config = chosen
    destination = Destination(
        target.path or (f"{path.stem}{ending}" if ending else one.output_name(path.stem, config)),
        suffix=f".{one.gives}",
        force=target.force,
        inputs=[path, *(value for _, value in config if isinstance(value, Path))],
        companions=[*one.companions, *companions],
    )

    def result() -> "Result":
        from tfopt.core.pipeline import Pipeline
        from tfopt.core.recipe import Step

        return Pipeline([Step(one, config)]).run(path, data, name=destination.path.name, progress=out)

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
