"""`tfopt distill`: a small Keras model learns from the answers of a large one."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.technique import technique_command

Teacher = Annotated[
    Path, typer.Argument(metavar="TEACHER", help="The model to learn from: a .keras file, or one of Keras 2.")
]
distill = technique_command("distill", model=Teacher)
