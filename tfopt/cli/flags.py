"""The sentences of the library name fields in backticks; whoever types a command reads its flags instead."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import BaseModel

BETWEEN = r"(, | or | and )"
FIELD = re.compile(rf"`([a-z]\w*)`( \w[\w-]*(?:{BETWEEN}\w[\w-]*)*)?")
OF_VALUE = "__"  # a parameter that stands for one value of a field is called field__value
SENTENCES = ("notes", "detail", "reason")  # the parts of a report that speak to a reader
Record = TypeVar("Record", bound=BaseModel)


class Flags:
    """How the fields that a command takes are spelled on its command line.

    Args:
        options: The name of each parameter, its flags, and those that turn it off.
    """

    def __init__(self, options: Iterable[tuple[str, Sequence[str], Sequence[str]]] = ()) -> None:
        self._flags: dict[str, str] = {}
        self._of_values: dict[str, dict[str, str]] = {}
        for parameter, flags, negatives in options:
            flag = min(flags, key=len)
            field, _, value = parameter.partition(OF_VALUE)
            if value:
                self._of_values.setdefault(field, {})[value] = flag
                continue
            long = (other.lstrip("-").replace("-", "_") for other in flags)
            self._flags |= dict.fromkeys((*long, field), flag)
            if negatives:
                self._of_values[field] = {"True": flag, "False": negatives[0]}

    def translate(self, sentence: str) -> str:
        """Write the flag of each field in backticks; a name that is no option here loses its backticks."""
        return FIELD.sub(self._spelled, sentence)

    def translate_record(self, record: Record) -> Record:
        """Return the record with its sentences translated, those of its parts as well."""
        changed = {}
        for name in type(record).model_fields:
            value = getattr(record, name)
            translated = self._translated(value, said=name in SENTENCES)
            if translated != value:
                changed[name] = translated
        return record.model_copy(update=changed)

    def _translated(self, value: object, *, said: bool) -> object:
        if isinstance(value, BaseModel):
            return self.translate_record(value)
        if isinstance(value, (list, tuple)):
            return type(value)(self._translated(part, said=said) for part in value)
        if isinstance(value, dict):
            return {key: self._translated(part, said=False) for key, part in value.items()}
        return self.translate(value) if said and isinstance(value, str) else value

    def _spelled(self, found: re.Match[str]) -> str:
        field, rest = found[1], found[2] or ""
        flags = self._of_values.get(field, {})
        words = re.split(BETWEEN, rest.removeprefix(" "))
        count = next((at for at in range(0, len(words), 2) if words[at] not in flags), len(words) + 1)
        if count:
            return "".join([*(flags.get(word, word) for word in words[: count - 1]), *words[count - 1 :]])
        return f"{self._flags.get(field, field)}{rest}"
