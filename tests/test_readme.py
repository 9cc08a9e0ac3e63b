import re
from pathlib import Path

import pytest

from tests.test_help import COMMANDS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- output of (.*?) -->\n```text\n(.*?)```", README, flags=re.S))
LABELS = 16  # width of the column of labels
FIXED = ("file", "parameters", "not zero", "MACs")


def _rows(output):
    """First column of the first table, and the cells behind it."""
    lines = output.split("─\n", 1)[1].splitlines()
    rows = {}
    for line in lines:
        if line.startswith(("layer ", "note: ")):
            break
        label = line[:LABELS].strip()
        if label:
            rows[label] = re.split(r"\s{2,}", line[LABELS:].strip())
    return rows


def test_the_table_of_commands_is_complete():
    listed = re.findall(r"^\| `tfopt (\w+)", README, flags=re.M)
    assert sorted(set(listed)) == sorted(COMMANDS)


def test_every_option_the_readme_names_exists(tfopt):
    pages = "".join(tfopt(*command, "--help").out for command in ((), *((c,) for c in COMMANDS)))
    for option in set(re.findall(r"`?(--[a-z][a-z0-9-]+)", re.sub(r"<!--|-->", "", README))):
        assert option in pages, option


def test_every_make_target_the_readme_names_exists():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    for target in re.findall(r"make (\w[\w-]*) ", README):
        assert f"\n{target}:" in makefile, target


@pytest.mark.parametrize("name", ["train", "prune", "quantize"])
def test_the_output_shown_is_that_of_the_commands(literal, name):
    _, ended = literal
    [shown] = [text for command, text in BLOCKS.items() if command.split()[1] == name]
    ours, theirs = _rows(shown), _rows(ended[name].out)
    assert list(ours) == list(theirs)
    for label in FIXED:  # but for rounding, which differs from processor to processor and with it the size of a file
        assert _numbers(ours[label]) == pytest.approx(_numbers(theirs[label]), rel=0.01), label


def _numbers(cells):
    return [float(re.findall(r"[\d.,]+", cell)[0].replace(",", "")) for cell in cells]
