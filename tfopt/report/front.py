"""The front of a search: the files of which none is better in what was asked for and loses less as well."""

from tfopt.report.record import Endless, Record


class FrontPoint(Record):
    """A file of the front.

    Attributes:
        number: Its place, the cheapest first, counted from 1.
        file: Its name.
        made: How it was made, in words.
        costs: What it costs, by name: bytes, milliseconds or MACs.
        gate: What is lost: max-drop (points of accuracy or of a metric) or max-error-growth.
        loss: How much worse it answers on the validation split than the model as it was given.
        low: The lower end of the interval of that.
        high: The upper end.
        holds: Whether it keeps to all limits.
        chosen: Whether it is the result.
        predicted: The loss that was predicted before it was made; None of a file that was trained for.
    """

    number: int
    file: str
    made: str
    costs: dict[str, float]
    gate: str
    loss: Endless
    low: float | None
    high: float | None
    holds: bool
    chosen: bool
    predicted: float | None = None
