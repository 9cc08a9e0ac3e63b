"""What the child process is asked to do, and how it tells how far it is."""

from pydantic import BaseModel

from tfopt.choices import InterfaceType, Precision

STAGE = "tfopt stage: "
STAGES = 3


class Job(BaseModel):
    """Written to `job.json` by the parent; without a precision the model is converted only.

    `trained` models hold their ranges already, from quantization-aware training.
    """

    precision: Precision | None
    io: InterfaceType = "float"
    trained: bool = False
