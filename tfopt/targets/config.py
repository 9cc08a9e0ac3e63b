"""Options of a check: the target, and the limits of the device."""

from typing import Annotated, ClassVar

from pydantic import ByteSize, Field

from tfopt.config.fields import Config, Option
from tfopt.config.run import StepTargetConfig

Bytes = Annotated[ByteSize, Field(gt=0), Option("SIZE")]


class MadeForConfig(StepTargetConfig):
    """The file that a technique writes, and the target that it is made for."""

    made_for: Annotated[
        str | None,
        Field(
            description="Make what this target can use (see tfopt check): what else is asked for counts more. Of a"
            " .tflite file say what it runs, and fail if it does not run."
        ),
        Option("NAME|FILE", flag="--for", panel="Target"),
    ] = None


class StoreConfig(Config):
    """The target whose own form a file is stored in."""

    panel: ClassVar[str] = "Target"

    target: Annotated[
        str | None,
        Field(description="Store it as this target does: tflm (tables of weights), ethos-u55-32 to ethos-u85-2048."),
        Option("NAME"),
    ] = None


class CheckConfig(Config):
    """A target, and the flash, working memory and time that a file may take there."""

    panel: ClassVar[str] = "Target"

    target: Annotated[
        str,
        Field(
            description="litert (this CPU), tflm, ethos-u55-32 to ethos-u85-2048, edgetpu, or a .yaml file of your own."
        ),
        Option("NAME|FILE"),
    ] = "tflm"
    flash: Annotated[Bytes | None, Field(description="Fail if more must be stored: 64kB, 1.5MB.")] = None
    ram: Annotated[Bytes | None, Field(description="Fail if more working memory is needed: 32kB.")] = None
    max_ms: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        Field(description="Fail if an inference takes longer, in ms."),
        Option("MS"),
    ] = None
