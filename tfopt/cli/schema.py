"""`tfopt schema`: the JSON schema of recipes, by which editors complete and check them."""

import json
import sys

from tfopt.cli.command import command
from tfopt.cli.output import Output


@command
def schema(out: Output) -> None:  # noqa: ARG001
    """Print the JSON schema of recipes, with all techniques that are installed.

    Examples:
        tfopt schema > recipe.schema.json
    """
    from tfopt.core.recipe_schema import recipe_schema

    sys.stdout.write(json.dumps(recipe_schema(), indent=2) + "\n")
