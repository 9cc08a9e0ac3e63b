"""The options that say which data to use: all of them to train, `--data` and `--scale` for a model that remembers."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.models import OptionInfo

from tfopt.config.choices import Scale, Task
from tfopt.errors import InputError

if TYPE_CHECKING:
    from tfopt.data.config import DataConfig

DATA = "Data"
SOURCES = (
    "digits, diabetes, waves, phrases or numbers, which need no download; mnist, fashion_mnist, cifar10, imdb or"
    " tfds:NAME; a .csv or .tsv table (also .gz), an .npz file, or a folder of images with a folder for each class"
)

Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME|PATH",
        help=f"{SOURCES}; left out: what the model was trained on. Columns and windows are those of its training.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
TrainData = Annotated[str, typer.Option("--data", metavar="NAME|PATH", help=f"{SOURCES}.", rich_help_panel=DATA)]
ScaleOption = Annotated[
    Scale | None,
    typer.Option(
        "--scale",
        help="How stored values are fed: as they are, to 0..1 (/255), to -1..1, or standardized by the train split;"
        " left out: as the model was trained, else unit for 8-bit values, standard for tables and series, none for"
        " others.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
Validation = Annotated[
    float,
    typer.Option(
        "--validation",
        metavar="FRACTION",
        help="Share of the training samples kept for validation, where the data has no such split.",
        rich_help_panel=DATA,
    ),
]
TaskOption = Annotated[
    Task | None,
    typer.Option("--task", help="What to learn (what the data says).", rich_help_panel=DATA, show_default=False),
]


def _column(option: str, what: str) -> OptionInfo:
    found: OptionInfo = typer.Option(option, metavar="COLUMN", help=what, rich_help_panel=DATA, show_default=False)
    return found


def _count(option: str, what: str) -> OptionInfo:
    found: OptionInfo = typer.Option(option, metavar="N", help=what, rich_help_panel=DATA, show_default=False)
    return found


Text = Annotated[str | None, _column("--text", "The text to classify (text).")]
Label = Annotated[str | None, _column("--label", "The label (label, class, target or category).")]
SourceText = Annotated[str | None, _column("--source-text", "The text to translate (source).")]
TargetText = Annotated[str | None, _column("--target-text", "Its translation (target).")]
Target = Annotated[str | None, _column("--target", "The only column to forecast (all).")]
Words = Annotated[
    int | None, _count("--words", "Most frequent words to know (10000, of each language of a translation 5000).")
]
Length = Annotated[int | None, _count("--length", "Words of a text to look at (what 95 % do not exceed).")]
Window = Annotated[int, _count("--window", "Steps of a series to look at (96).")]
Horizon = Annotated[int | None, _count("--horizon", "Steps of a series to forecast (24); makes a table a series.")]
ImageSize = Annotated[
    int | None, _count("--image-size", "Height and width of images of a folder (those of the first).")
]


def _all_options(
    source: TrainData = "digits",
    scale: ScaleOption = None,
    validation: Validation = 0.15,
    task: TaskOption = None,
    text: Text = None,
    label: Label = None,
    source_text: SourceText = None,
    target_text: TargetText = None,
    target: Target = None,
    words: Words = None,
    length: Length = None,
    window: Window = 96,
    horizon: Horizon = None,
    image_size: ImageSize = None,
) -> None:
    """An option for each field of `DataConfig` that can be asked for, under the name of the field."""


def with_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` all of these options in place of its parameter `data`, which becomes a dict of their values."""
    parameters = list(signature(command).parameters.values())
    place = next(i for i, parameter in enumerate(parameters) if parameter.name == "data")
    options = list(signature(_all_options).parameters.values())

    @wraps(command)
    def run(**given: Any) -> None:
        data = {option.name: given.pop(option.name) for option in options}
        command(data=data, **given)

    shown = [*parameters[:place], *options, *parameters[place + 1 :]]
    run.__signature__ = signature(command).replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown} | {"return": None}
    return run


def data_config(data: str | None, scale: Scale | None) -> "DataConfig | None":
    """Return what --data and --scale ask for, or None if the model's own data is to be used."""
    from tfopt.data.config import DataConfig

    if data is None and scale is not None:
        raise InputError(f"--scale {scale} needs --data; without it the model's own data is fed as in training")
    return DataConfig(source=data, scale=scale) if data is not None else None
