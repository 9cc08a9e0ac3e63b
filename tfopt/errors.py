"""Errors that are no fault of tfopt: a mistake a user can mend is a `TfoptError` with one clear sentence."""


class TfoptError(Exception):
    """Something the user can mend; its message says what was wrong, what was received, what would be right."""

    exit_code = 2


class InputError(TfoptError):
    """A file, a data set or an option value cannot be used."""


class ConfigError(InputError):
    """A config cannot be built.

    Attributes:
        field: The argument that is wrong, if it is one.
        place: The keys and indices that lead to it in what the config was made of.
    """

    def __init__(self, message: str, field: str | None = None, place: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.place = place


class OutputError(TfoptError):
    """The result cannot be written where it was asked to go."""


class UnsupportedError(TfoptError):
    """The model is sound, but this technique cannot be applied to it."""


class UnreachableError(TfoptError):
    """The model cannot get as small as was asked, which is no mistake: a limit that does not hold."""

    exit_code = 1


class WorkerError(TfoptError):
    """A process that trains with others died, and to start again did not help."""


class ConversionError(TfoptError):
    """The conversion to LiteRT failed or its process died."""
