import re
from pathlib import Path

from tests.test_help import COMMANDS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


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
