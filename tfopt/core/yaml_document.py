"""A YAML file from anybody: plain data, with the line on which each value stands.

It is read by ruamel.yaml (YAML 1.2) with its safe constructor, which makes no objects. Tags, documents of unusual size
and aliases that would multiply into one are refused before anything is made of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tfopt.errors import InputError
from tfopt.typing import Json

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000  # with those that aliases repeat
MAX_DEPTH = 30
CORE = "tag:yaml.org,2002:"
MERGE = f"{CORE}merge"
PLAIN = ("null", "bool", "int", "float", "str", "seq", "map", "merge", "timestamp")
SAFE_TAGS = frozenset(CORE + kind for kind in PLAIN)

Place = tuple[str | int, ...]  # the keys and indices that lead to a value


class Line(NamedTuple):
    """A line of a file, counted from 1."""

    path: Path
    number: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.number}"


class Document(NamedTuple):
    """The mapping that a file holds, and the line of each value by its place."""

    path: Path
    data: Json
    lines: dict[Place, Line]

    def line(self, place: Place) -> Line:
        """Return the line of a value, or of the nearest that it lies in."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, Line(self.path, 1))


def read_document(path: Path, what: str) -> Document:
    """Read a file that holds one mapping.

    Args:
        path: The file.
        what: What messages say that it is not, such as "a recipe".

    Raises:
        InputError: In one sentence with the line, if it is missing, no YAML, or nothing that a person has written.
    """
    text = _text(path, what)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if not isinstance(root, MappingNode):
            raise InputError(f"{path} is not {what}: it does not hold fields, as steps:")
        lines = dict(_lines(root, path))
        found = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise InputError(_explained(error, path, what)) from error
    except (ValueError, KeyError, OverflowError) as error:  # a tag that its text does not fit, a date that is none
        raise InputError(f"{path} is not {what}: {' '.join(str(error).split())[:200]}") from error
    except RecursionError as error:
        raise InputError(f"{path} is not {what}: it is nested too deep") from error
    return Document(path, found, lines)


def _text(path: Path, what: str) -> str:
    if path.is_dir():
        raise InputError(f"{path} is a folder, not {what}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is not {what}: it has more than {MAX_BYTES:,} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not {what}: it is no text in UTF-8") from error


def _explained(error: YAMLError, path: Path, what: str) -> str:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    said = (error.problem if isinstance(error, MarkedYAMLError) else None) or str(error)
    where = Line(path, mark.line + 1) if mark else path
    return f"{where}: this is no YAML and so not {what}: {' '.join(said.split())[:200]}"


def _lines(root: MappingNode, path: Path) -> Iterator[tuple[Place, Line]]:
    """Yield the place and the line of each value, those that aliases repeat as well; refuse what is not sound."""
    waiting: list[tuple[Place, Node, int, int]] = [((), root, root.start_mark.line, 0)]
    count = 0
    while waiting:
        place, node, number, depth = waiting.pop()
        line = Line(path, number + 1)
        count += 1
        if count > MAX_VALUES or depth > MAX_DEPTH:
            raise InputError(f"{line}: aliases make this file more than {MAX_VALUES:,} values or {MAX_DEPTH} levels")
        if str(node.tag) not in SAFE_TAGS:
            raise InputError(f"{line}: the tag {str(node.tag).removeprefix(CORE)} is refused: a recipe is plain data")
        yield place, line
        if isinstance(node, SequenceNode):
            waiting += [
                ((*place, index), item, item.start_mark.line, depth + 1) for index, item in enumerate(node.value)
            ]
        elif isinstance(node, MappingNode):
            waiting += [
                (place if str(key.tag) == MERGE else (*place, _name(key, path)), item, key.start_mark.line, depth + 1)
                for key, item in reversed(node.value)  # what is merged comes first, and own keys count more
            ]


def _name(key: Node, path: Path) -> str:
    if not isinstance(key, ScalarNode) or str(key.tag) not in (f"{CORE}str", MERGE):
        raise InputError(f"{Line(path, key.start_mark.line + 1)}: a field is named by a word")
    return str(key.value)
