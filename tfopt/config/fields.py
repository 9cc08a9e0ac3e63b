"""The base of every config: it is immutable, checks itself, knows no field but its own, and explains each.

The description of a field is its help; it names other fields in backticks. What else the command line needs to make an
option of a field is an `Option`, next to the description or, if all fields of a type have it in common, in the type.
Shares are written as 0.005 or 0.5%, times as 90s, 10m or 1h, in Python, in recipes and on the command line.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tfopt.config.refusal import refusal


@dataclass(frozen=True)
class Option:
    """Says how the command line offers a field.

    Attributes:
        metavar: What stands for a value in the help.
        flag: The option, if it is not called as the field; of a bool it may be one alone, or a pair as `--deep/--flat`.
        short: The same in a letter.
        panel: The heading under which it is listed, if it is not that of its config.
        text: Whether a value is typed as text, which the field reads by itself.
        model: Whether a path is that of a model.
        flags: A flag for each of these values, with its help, in place of an option with a value.
        offered: Whether there is an option at all.
    """

    metavar: str = ""
    flag: str = ""
    short: str = ""
    panel: str = ""
    text: bool = False
    model: bool = False
    flags: Mapping[str, str] = field(default_factory=dict, hash=False)
    offered: bool = True

    def __or__(self, other: "Option") -> "Option":
        """Return this with what `other` says."""
        said = {part.name: getattr(other, part.name) for part in fields(other)}
        return replace(self, **{name: value for name, value in said.items() if value != getattr(Option(), name)})


def _read_share(given: object) -> object:
    if isinstance(given, str):
        try:
            number = float(given.removesuffix("%"))
        except ValueError:
            raise ValueError(f"{given} is not a share; write it like 0.005 or 0.5%") from None
        if given.endswith("%"):
            return number / 100
    elif isinstance(given, int | float) and not isinstance(given, bool):
        number = given
    else:
        return given
    if 1 < number <= 100:
        raise ValueError(f"{given} is more than the whole; did you mean {given}%?")
    return number


def _read_drop(given: object) -> object:
    return _read_limit(given, "everything to be lost")


def _read_growth(given: object) -> object:
    return _read_limit(given, "the error to double")


def _read_limit(given: object, allowed: str) -> object:
    number = _read_share(given)
    if number == 1 and given != "100%":
        raise ValueError(f"{given} would allow {allowed}; did you mean {given}%?")
    return number


def _read_seconds(given: object) -> object:
    if not isinstance(given, str):
        return given
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", given.strip())
    if not match:
        raise ValueError(f"{given} is not a time; write it like 90s, 10m or 1h")
    return float(match[1]) * SECONDS[match[2]]


SECONDS = {"s": 1, "m": 60, "h": 3600}
ShareText = Annotated[str, Field(pattern=r"^[0-9.]+%?$")]  # what else is wrong with it shows when it is read
TimeText = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?[smh]$")]


def _number_or(text: Any, read: Callable[[object], object], **limits: Any) -> BeforeValidator:
    """Return what reads a number within limits, or a text, which the schema of the field then allows as well."""
    return BeforeValidator(read, json_schema_input_type=Annotated[float, Field(**limits)] | text)


Fraction = Annotated[
    float,
    Field(gt=0, lt=1, allow_inf_nan=False),
    _number_or(ShareText, _read_share, gt=0, lt=1),
    Option("FRACTION", text=True),
]
Share = Annotated[
    float,
    Field(ge=0, le=1, allow_inf_nan=False),
    _number_or(ShareText, _read_share, ge=0, le=1),
    Option("SHARE", text=True),
]
Drop = Annotated[Share, _number_or(ShareText, _read_drop, ge=0, lt=1)]
Growth = Annotated[Share, _number_or(ShareText, _read_growth, ge=0, lt=1)]
Rate = Annotated[Share, Field(lt=1), _number_or(ShareText, _read_share, ge=0, lt=1)]
Duration = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False),
    _number_or(TimeText, _read_seconds, gt=0),
    Option("TIME", text=True),
]
Count = Annotated[int, Field(ge=1), Option("N")]
Epochs = Annotated[Count, Field(description="Most epochs to train.")]
BatchSize = Annotated[Count, Field(description="Samples a step, over all replicas.")]
# Left out, these are what suits the number of samples, see `tfopt.training.defaults`.
SuitedEpochs = Annotated[Count | None, Field(description="Most epochs to train; left out: 30, more of few samples.")]
SuitedBatchSize = Annotated[
    Count | None, Field(description="Samples a step, over all replicas; left out: 64, fewer of few samples.")
]
SuitedPatience = Annotated[
    Count | None,
    Field(description="Stop this many epochs after the lowest validation loss; left out: 10, more of few samples."),
]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False), Option("RATE")]
AdamRate = Annotated[LearningRate, Field(description="Learning rate of Adam.")]
Seed = Annotated[int, Field(ge=0, lt=2**31, description="Same seed, same machine: same result."), Option("N")]
Exclude = Annotated[str | None, Field(description="Spare the layers whose name this matches."), Option("REGEX")]


class Config(BaseModel):
    """Base of all configs: immutable, and an unknown field is an error.

    Raises:
        ConfigError: If a value cannot be used; it names the field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    panel: ClassVar[str] = ""  # the heading under which the command line lists the fields that a class adds

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: Any) -> Any:
        for name, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(name)
            if isinstance(value, bool) and field and not {bool, Any} & {field.annotation, *get_args(field.annotation)}:
                raise ValueError(f"`{name}` {value} is of the wrong type: it takes no yes or no")
        return given

    def paths(self) -> list[tuple[str, Path]]:
        """Return the fields that name files, and which."""
        return [(name, value) for name, value in self if isinstance(value, Path)]

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise refusal(type(self), error) from None

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a config of a dict."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise refusal(cls, error) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Make a config of JSON."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise refusal(cls, error) from None
