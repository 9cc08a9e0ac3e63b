"""The base of all that a report holds."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of the report's parts: immutable plain data."""

    model_config = ConfigDict(frozen=True)
