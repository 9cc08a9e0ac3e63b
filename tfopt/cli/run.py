"""`tfopt run`: the steps of a recipe, one after the other, in a folder that keeps what each has made."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import command
from tfopt.cli.output import Output
from tfopt.config.run import FolderConfig, ReportFilesConfig

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe in YAML.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done to each layer; train and write nothing.")
]


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
    from tfopt.core.recipe_file import read_recipe
    from tfopt.report.files import check_report_files, write_report_files

    read_recipe(recipe, files=True)
    check_report_files(files, force=target.force)
    out.load_tensorflow()
    from tfopt.core.recipe_run import plan_recipe, run_recipe

    if dry_run:
        out.show_plan(*plan_recipe(recipe, target, out))
        return
    out.on_failure = "the same command with --resume goes on after the last finished step"
    result = run_recipe(recipe, target, out)
    write_report_files(result.report, files, force=target.force)
    out.report(result.report, written=[Path(result.report.output or "")])
