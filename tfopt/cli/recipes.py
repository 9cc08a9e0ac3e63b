"""`tfopt run` and `tfopt schema`: the steps of a recipe, one after the other, and what a recipe may be."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import command
from tfopt.cli.output import Output
from tfopt.config.run import FolderConfig, ReportFilesConfig
from tfopt.errors import InputError

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what would be done to each layer; train and write nothing.",
        rich_help_panel=FolderConfig.panel,
    ),
]
RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe in YAML.")]


@command
def run(
    out: Output, recipe: RecipePath, target: FolderConfig, files: ReportFilesConfig, dry_run: DryRun = False
) -> None:
    """Run a recipe: techniques on a model, one after the other; exit 1 if a limit or the lock does not hold.

    Examples:
        tfopt prune model.keras --sparsity 0.5 --save-recipe small.yaml
        tfopt run small.yaml
        tfopt run small.yaml --resume
        tfopt run small.yaml --locked --junit results.xml
    """
    from tfopt.core.recipe_file import open_recipe
    from tfopt.report.files import check_report_files, write_report_files

    asked = {
        "resume": target.resume,
        "locked": target.locked,
        "junit": files.junit,
        "markdown": files.markdown,
        "html": files.html,
    }
    if dry_run and any(asked.values()):
        named = " and ".join(f"`{name}`" for name, value in asked.items() if value)
        raise InputError(f"`dry_run` runs and measures nothing: leave out {named}")
    opened = open_recipe(recipe)
    out.load_tensorflow()
    from tfopt.core.recipe_lock import LockError
    from tfopt.core.recipe_run import files_of, plan_recipe, refused_report, run_recipe

    force = target.force or target.resume
    check_report_files(files, files_of(opened, target), force=force)
    if dry_run:
        out.show_plan(*plan_recipe(opened, target, out))
        return
    out.on_failure = "the same command with --resume goes on after the last finished step"
    try:
        result = run_recipe(opened, target, out)
    except LockError as error:
        write_report_files(refused_report(recipe, error), files, force=force)
        raise
    write_report_files(result.report, files, force=force)
    out.report(result.report, written=[Path(result.report.output or "")])


@command
def schema(out: Output) -> None:  # noqa: ARG001
    """Print the JSON schema of recipes, with all techniques that are installed.

    Examples:
        tfopt schema > recipe.schema.json
    """
    from tfopt.core.recipe_schema import recipe_schema

    sys.stdout.write(json.dumps(recipe_schema(), indent=2) + "\n")
