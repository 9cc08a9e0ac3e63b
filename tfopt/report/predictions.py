"""What a model answers to inputs that have no labels."""

from tfopt.config.choices import Task
from tfopt.report.schema import Record


class Prediction(Record):
    """An answer: a class and its probability, a translation, or numbers in the units of the data.

    The numbers are a list, or of a forecast of several columns a list for each step.
    """

    input: str
    answer: str | list[float] | list[list[float]]
    probability: float | None = None


class Predictions(Record):
    """The answers of one model, in the order of the inputs."""

    model: str
    task: Task
    predictions: list[Prediction]
    versions: dict[str, str]
