"""The command of a technique, or of several that share one: made from their configs, whoever wrote them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tfopt.cli.command import Model, command
from tfopt.cli.commands import text_of
from tfopt.cli.groups import Adjust, Choice, Fields
from tfopt.cli.options import option_of
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.config.run import StepTargetConfig
from tfopt.conversion.c_array import C_SUFFIXES
from tfopt.core.registry import summary_of, technique, technique_of
from tfopt.core.technique import AnyTechnique
from tfopt.data.config import OtherDataConfig
from tfopt.runtime.processes import started_ahead
from tfopt.targets.config import MadeForConfig

if TYPE_CHECKING:
    from tfopt.core.destination import Destination
    from tfopt.core.pipeline import Pipeline
    from tfopt.core.result import Result


def techniques(*names: str, adjust: Adjust = lambda _, given: given) -> Fields:
    """Return the options of techniques, of which the first needs no option to be chosen."""
    main, *others = map(technique, names)
    return Fields(main.config, *(Choice(one.config, one.option, _text(one)) for one in others), adjust=adjust)


def _text(one: AnyTechnique) -> str:
    return text_of(one.name) or summary_of(one)


def technique_command(*names: str, model: Any = Model) -> Callable[..., None]:
    """Make the command of techniques, called after the first; raise `InputError` if one cannot be imported."""
    all = [technique(name) for name in names]

    def run(out: Output, model: Path, config: Config, data: OtherDataConfig, target: StepTargetConfig) -> None:
        make(out, config, model, data, target, one=next(one for one in all if one.config is type(config)))

    run.__annotations__ |= {"model": model, "config": Annotated[Config, techniques(*names)]}
    if any(one.has_targets for one in all):
        run.__annotations__["target"] = MadeForConfig
    run.__doc__ = "\n".join([_text(all[0]), "Examples:", *(example for one in all for example in one.examples)])
    return command(run)


def make(
    out: Output,
    config: Config,
    model: Path,
    data: OtherDataConfig,
    target: StepTargetConfig,
    *,
    one: AnyTechnique | None = None,
    ending: str = "",
    companions: Sequence[str] = (),
) -> None:
    """Apply a technique, that of the config or another `one`, to a file and write what it makes.

    The result is named after the file, with what the technique says or `ending`; `companions` are suffixes of sources.
    """
    from tfopt.core.destination import Destination
    from tfopt.formats.paths import check_model_path, model_stem
    from tfopt.runtime.atomic_files import check_destination

    path, one = check_model_path(model), one or technique_of(config)
    made_for = None
    if isinstance(target, MadeForConfig) and target.made_for:
        from tfopt.targets.made_for import made_for_target, settings_for
        from tfopt.targets.registry import find_target

        made_for = find_target(target.made_for)
        made_for.source()  # refuses before the work if a package is missing
        config = settings_for(made_for, one, config)
    stem = model_stem(path)
    named = (value for name, value in config if option_of(type(config), name).model)
    name = target.output or (f"{stem}{ending}" if ending else one.output_name(stem, config))
    beside = {}
    if target.save_recipe:
        check_destination(target.save_recipe, target.force)
        beside[target.save_recipe] = _recipe(one, config, path, data, target.save_recipe, Path(name).name, companions)
        if made_for:
            out.say(f"the recipe has the options that {made_for.name} needs; it does not hold its file to it")
    destination = Destination(
        name,
        suffix=f".{one.gives}",
        force=target.force,
        inputs=[path, *(check_model_path(value) for value in named if isinstance(value, Path))],
        companions=[*one.companions, *companions],
        beside=beside,
    )

    def pipeline() -> "Pipeline":
        from tfopt.core.pipeline import Pipeline
        from tfopt.core.recipe import Step

        return Pipeline([Step(one, config)])

    def result() -> "Result":
        made = pipeline().run(path, data.config, name=str(destination.path), progress=out)
        return made_for_target(made_for, one, made, out) if made_for else made

    if target.dry_run:
        out.load_tensorflow()
        plan = pipeline().plan(path, data.config, progress=out)
        out.show_plan(plan, [*destination.written, destination.report_path])
        destination.save_beside()
    else:
        with started_ahead(*one.children):  # while TensorFlow is loaded here
            write(out, destination, result)


def _recipe(
    one: AnyTechnique,
    config: Config,
    model: Path,
    data: OtherDataConfig,
    path: Path,
    name: str,
    companions: Sequence[str],
) -> bytes:
    """Return the recipe of a command as it lies at `path`."""
    from tfopt.core.recipe import Outputs, Recipe, Step
    from tfopt.core.recipe_file import recipe_text
    from tfopt.core.yaml_document import read_document

    outputs = {"model": name} | ({"emit": "c"} if C_SUFFIXES[0] in companions else {})
    given = {"data": data.config} if data.config else {}
    recipe = Recipe.of([Step(one, config)], source=str(model), outputs=Outputs(**outputs), **given)
    if path.exists():
        read_document(path, "a recipe")  # ruamel.yaml reads it as it is
    before = path.read_text(encoding="utf-8") if path.exists() else None
    return recipe_text(recipe, path.parent, before).encode()


def write(out: Output, destination: "Destination", result: "Callable[[], Result]") -> None:
    """Load TensorFlow, make the result, write it and show the report."""
    with destination.held():
        out.load_tensorflow()
        made = result()
        companions = [companion.payload for companion in made.companions]
        if destination.path.with_suffix(C_SUFFIXES[0]) in destination.companions:
            from tfopt.conversion.c_project import c_files

            companions += c_files(made.artifact, destination.path.stem, out)
        report = destination.save(made.artifact.payload, out.flags.translate_record(made.report), companions)
    out.report(report, written=[*destination.written, *destination.beside])
