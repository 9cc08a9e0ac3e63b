"""Processes that tfopt starts."""

from pathlib import Path

import tfopt
from tfopt.runtime import processes


def test_a_child_finds_the_tfopt_that_its_parent_is():
    assert Path(processes.HOME, "tfopt", "__init__.py").samefile(tfopt.__file__)
