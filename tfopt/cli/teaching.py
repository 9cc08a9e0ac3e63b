"""The options of a teacher, for the commands that fine-tune."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.options import QAT
from tfopt.formats.paths import check_model_path
from tfopt.typing import Options

SELF = "self"
NAME = {"metavar": "self|FILE", "show_default": False}
SHARE = {"metavar": "SHARE", "show_default": False}
WEIGHT = "Share of the teacher's answers in what is learnt"
LEARN = "Learn from the answers of a model, too: of the given one as it was, or of another file."

Teacher = Annotated[str | None, typer.Option("--teacher", help=LEARN, **NAME)]
TeacherWeight = Annotated[float | None, typer.Option("--teacher-weight", help=f"{WEIGHT} (0.5).", **SHARE)]
OtherTeacher = Annotated[
    str | None,
    typer.Option("--teacher", help="Learn from the answers of another file than the given model (self).", **NAME),
]
OtherWeight = Annotated[float | None, typer.Option("--teacher-weight", help=f"{WEIGHT} (0.9).", **SHARE)]
QatTeacher = Annotated[str | None, typer.Option("--teacher", help=LEARN, rich_help_panel=QAT, **NAME)]
QatTeacherWeight = Annotated[
    float | None, typer.Option("--teacher-weight", help=f"{WEIGHT} (0.5).", rich_help_panel=QAT, **SHARE)
]


def teaching(teacher: str | None, weight: float | None) -> Options:
    """The fields of a config that were given; a file must be there."""
    named: str | Path | None = teacher if teacher in (None, SELF) else check_model_path(str(teacher))
    fields = {"teacher": named, "teacher_weight": weight}
    return {name: value for name, value in fields.items() if value is not None}
