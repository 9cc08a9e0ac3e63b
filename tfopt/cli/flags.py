"""The sentences of the library name fields in backticks; whoever types a command reads its flags instead."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

BETWEEN = r"(, | or | and )"
FIELD = re.compile(rf"`([a-z]\w*)`(?: (\w[\w-]*(?:{BETWEEN}\w[\w-]*)*))?")
OF_VALUE = "__"  # a parameter that stands for one value of a field is called field__value
SENTENCES = ("warnings", "notes", "detail", "reason")  # the parts of a report that speak to a reader
Record = TypeVar("Record", bound=BaseModel)


class Flags:
    """Spells the fields that a command takes as on its command line.

    Args:
        options: The name of each parameter, its flags, and those that turn it off.
    """

    def __init__(self, options: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> None:
        self._flags: dict[str, str] = {}
        self._of_values: dict[str, dict[str, str]] = {}
        for parameter, flags, negatives in options:
            flag = min(flags, key=len)
            field, _, value = parameter.partition(OF_VALUE)
            values = {value: flag} if value else {"True": flag, "False": negatives[0]} if negatives else {}
            self._of_values[field] = self._of_values.get(field, {}) | values
            if not value:
                self._flags |= {other.lstrip("-").replace("-", "_"): flag for other in flags} | {field: flag}

    def translate(self, sentence: str) -> str:
        """Write the flag of each field in backticks; a name that is no option here loses its backticks."""
        return FIELD.sub(self._spelled, sentence)

    def translate_record(self, record: Record) -> Record:
        """Return the record with its sentences translated, those of its parts as well."""
        return type(record).model_validate(self._translated(record.model_dump()))

    def _translated(self, part: Any, *, said: bool = False) -> Any:
        if isinstance(part, dict):
            return {name: self._translated(inner, said=name in SENTENCES) for name, inner in part.items()}
        if isinstance(part, (list, tuple)):
            return [self._translated(inner, said=said) for inner in part]
        return self.translate(part) if said and isinstance(part, str) else part

    def _spelled(self, found: re.Match[str]) -> str:
        """Return a field and the words after it: `precision` int8 or dynamic is --int8 or --dynamic."""
        field, words = found[1], re.split(BETWEEN, found[2] or "")
        of_values = self._of_values.get(field, {})
        if words[0] not in of_values:
            return " ".join(filter(None, [self._flags.get(field, field), found[2]]))
        count = next((at for at in range(0, len(words), 2) if words[at] not in of_values), len(words))
        return "".join([*(of_values.get(word, word) for word in words[:count]), *words[count:]])
