"""Converters run in child processes: a crash, an error or a time-out in there becomes one sentence."""

from textwrap import shorten

from tfopt.errors import ConversionError, TfoptError
from tfopt.runtime.processes import ProcessError, run, signal_name
from tfopt.runtime.progress import Progress

TIME_LIMIT = 900.0  # seconds
LONGEST = 200  # letters of a reason
LARGE = 2**24  # bytes of a model; a process that has converted one would hold its memory while it waits


def run_converter(
    target: str,
    *arguments: object,
    title: str,
    progress: Progress,
    time_limit: float = TIME_LIMIT,
    lasting: bool = True,
    to: str = "LiteRT",
) -> object:
    """Let a child process convert a model.

    Args:
        target: The function to call there, as "tfopt.module:function"; its first parameter is a `Progress`.
        arguments: The others. Models are in the folder that one of them names, and so is what is made of them.
        title: What to call the model in a sentence.
        progress: Shows how far the child is.
        time_limit: Seconds that it may take.
        lasting: Whether the process may convert other models after that.
        to: What it is converted to, in a sentence.

    Returns:
        What the function returned, as JSON.

    Raises:
        ConversionError: If the function fails, its process dies, or it takes too long.
    """
    try:
        return run(target, *arguments, progress=progress, time_limit=time_limit, lasting=lasting)
    except ProcessError as error:
        if error.late:
            raise ConversionError(f"{title} was not converted within {time_limit:g} s") from None
        if error.code < 0:
            signal = signal_name(error.code)
            raise ConversionError(f"the converter crashed on {title} ({signal}); nothing was lost") from None
        reason = error.raised or f"exit code {error.code}"
    except TfoptError as error:
        reason = f"{type(error).__name__}: {error}"
    raise ConversionError(f"{title} cannot be converted to {to}: {_without_places(reason)}")


def _without_places(text: str) -> str:
    """Return what the converter says, without the places in its own code."""
    line = " ".join(text.split("<unknown>")[-1].split("loc(")[0].split())
    return shorten(line.removeprefix(":0: error: "), LONGEST, placeholder=" ...")
