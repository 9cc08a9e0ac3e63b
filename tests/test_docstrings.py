import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import tfopt

PACKAGE = Path(tfopt.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
QUESTION = re.compile(r"(What|Which|How|Whether|Where)\b")


def _module(path):
    return ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


@pytest.mark.parametrize("path", [path for path in FILES if ">>> " in path.read_text()], ids=_module)
def test_examples_in_docstrings_give_what_they_show(path):
    failed, tried = doctest.testmod(importlib.import_module(_module(path)))
    assert tried
    assert not failed


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_docstrings_do_not_begin_with_a_question_word(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = (ast.get_docstring(node) or "").split("\n")[0]
            assert not QUESTION.match(first), first
