import re
import subprocess
import sys
import time

import pytest

COMMANDS = (
    "train", "tune", "shootout", "build", "prune", "cluster", "quantize", "binarize", "distill", "sparsify", "convert",
    "evaluate", "inspect", "debug", "bench", "compare", "predict",
)  # fmt: skip
PAGES = ((), *((command,) for command in COMMANDS))


@pytest.mark.parametrize("page", PAGES)
def test_help_is_light(page):
    code = (
        "import sys; from tfopt.cli import run; code = run([*sys.argv[1:], '--help']); "
        "heavy = {'tensorflow', 'keras', 'numpy', 'sklearn', 'scipy', 'optuna'} & sys.modules.keys(); "
        "assert not heavy, heavy; sys.exit(code)"
    )
    ended = subprocess.run([sys.executable, "-c", code, *page], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Usage: " in ended.stdout


def test_help_takes_under_a_tenth_of_the_time_of_importing_tensorflow():
    def seconds(*arguments):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        return time.perf_counter() - start

    rounds = [
        (seconds("-c", "import tensorflow"), *(seconds("-m", "tfopt", *page, "--help") for page in PAGES))
        for _ in range(3)
    ]
    tensorflow, *pages = (min(times) for times in zip(*rounds, strict=True))
    assert max(pages) < tensorflow / 10


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_page_has_examples_and_the_common_options(tfopt, command):
    page = tfopt(command, "--help").out
    assert f"tfopt {command}" in page.split("Examples:")[1]
    for option in ("--json", "--quiet", "--verbose", "--debug"):
        assert option in page


def test_version_and_no_command(tfopt):
    assert re.fullmatch(r"tfopt \d+\.\d+\.\d+\n", tfopt("--version").out)
    nothing = tfopt()
    assert (nothing.code, "Usage: tfopt" in nothing.out) == (0, True)


def test_a_command_that_does_not_exist_is_one_sentence(tfopt):
    ended = tfopt("prun")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)


def test_importing_tfopt_does_not_import_tensorflow():
    code = "import tfopt, sys; tfopt.PruneConfig; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
