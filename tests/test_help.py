import os
import re
import resource
import subprocess
import sys

import pytest
import typer

from tfopt.cli.application import application, imported
from tfopt.cli.commands import GENERATED, OPTIONS, OWN, text_of
from tfopt.core import registry

COMMANDS = (
    "train", "tune", "shootout", "build", "prune", "cluster", "quantize", "binarize", "distill", "sparsify", "convert",
    "optimize", "pack", "run", "schema", "evaluate", "inspect", "debug", "check", "bench", "compare",
    "report", "predict",
)  # fmt: skip
PAGES = ((), *((command,) for command in COMMANDS))


LIGHT = (
    "import sys; from tfopt.cli import run; code = run([*sys.argv[1:], '--help']); "
    "heavy = {'tensorflow', 'keras', 'numpy', 'sklearn', 'scipy', 'optuna', 'pyarrow'} & sys.modules.keys(); "
    "assert not heavy, heavy; sys.exit(code)"
)


def python(*arguments):
    """Run Python; return how it ended and the processor time it took, which other processes do not change."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture(scope="module")
def shown():
    """Each page as it was shown, and the time that took."""
    return {page: python("-c", LIGHT, *page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_help_is_light(shown, page):
    ended, _ = shown[page]
    assert ended.returncode == 0, ended.stderr
    assert "Usage: " in ended.stdout


def test_the_list_of_commands_needs_nothing_but_python():
    code = (
        "import sys; from tfopt.cli import run; run(['--help']); "
        "heavy = {'typer', 'rich', 'pydantic', 'importlib.metadata'} & sys.modules.keys(); assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_help_takes_under_a_tenth_of_the_time_of_importing_tensorflow_and_the_list_a_twentieth(shown):
    tensorflow = python("-c", "import tensorflow")[1]
    listed = min(python("-m", "tfopt", "--help")[1] for _ in range(2))
    assert listed < tensorflow / 20
    took = {page: seconds for page, (_, seconds) in shown.items()}
    slowest = max(took, key=took.__getitem__)  # of two tries: a cache that is cold is none of its own
    assert min(took[slowest], python("-m", "tfopt", *slowest, "--help")[1]) < tensorflow / 10, slowest


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_page_has_examples_and_the_common_options(tfopt, command):
    page = tfopt(command, "--help").out
    assert f"tfopt {command}" in page.split("Examples:")[1]
    for option in ("--json", "--quiet", "--verbose", "--debug"):
        assert option in page


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_page_says(tfopt, command):
    text = imported(command).help.splitlines()[0]
    assert text == text_of(command)
    assert text in " ".join(tfopt("--help").out.replace("│", "").split())
    assert text in " ".join(tfopt(command, "--help").out.split())


def test_the_list_names_the_commands_and_the_options_that_there_are():
    assert sorted(name for commands in OWN.values() for name in commands) == sorted(COMMANDS)
    group = typer.main.get_command(application)
    with group.make_context("tfopt", [], resilient_parsing=True) as context:
        options = {", ".join(sorted(one.opts)): one.help for one in group.get_params(context)}
    assert options == OPTIONS
    assert group.list_commands(context) == [name for commands in OWN.values() for name in commands]


def test_the_techniques_of_a_command_are_those_that_say_so():
    of_command: dict[str, list[str]] = {}
    for name in registry.OWN:
        one = registry.technique(name)
        if not one.command or one.option:  # one without an option is chosen by something else
            of_command.setdefault(one.command or name, []).append(name)
    for command, names in GENERATED.items():
        assert of_command[command] == list(names)


@pytest.mark.parametrize("width", [1, 72, 80, 250])
@pytest.mark.parametrize("page", [(), ("train",), ("quantize",)])
def test_no_line_of_a_page_is_wider_than_the_terminal(tfopt, monkeypatch, width, page):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = tfopt(*page, "--help").out.split("Examples:")[0].splitlines()
    assert max(len(line) for line in lines if not line.startswith(" Usage")) == max(width, 72)


def test_a_page_has_colours_on_a_terminal_only_and_no_boxes_where_they_cannot_be_printed(tmp_path):
    def page(**environment):
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
        command = [sys.executable, "-m", "tfopt", "prune", "--help"]
        return subprocess.run(command, capture_output=True, check=True, env=kept | environment).stdout

    assert b"\x1b[" not in page()
    assert b"\x1b[1;36m--sparsity" in page(FORCE_COLOR="1")
    assert b"\x1b[" not in page(FORCE_COLOR="1", NO_COLOR="1")
    assert "╭".encode() in page(PYTHONIOENCODING="utf-8")
    assert page(PYTHONIOENCODING="ascii").decode("ascii").count("\n+") >= 10


def test_what_helps_of_fields_say_of_others_is_said_of_options(tfopt):
    page = " ".join(tfopt("quantize", "--help").out.replace("│", "").split())
    assert "with --int8, --int16 or --dynamic, what those compute with" in page
    for command in COMMANDS:
        assert "`" not in tfopt(command, "--help").out


def test_version_and_no_command(tfopt):
    assert re.fullmatch(r"tfopt \d+\.\d+\.\d+\n", tfopt("--version").out)
    nothing = tfopt()
    assert (nothing.code, "Usage: tfopt" in nothing.out) == (0, True)


def test_a_command_that_does_not_exist_is_one_sentence(tfopt):
    ended = tfopt("prun")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "Did you mean 'prune'" in ended.err


def test_importing_tfopt_does_not_import_tensorflow():
    code = "import tfopt, sys; tfopt.PruneConfig; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
