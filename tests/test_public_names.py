import ast
from pathlib import Path

import pytest

import tfopt

PACKAGE = Path(tfopt.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = [
    {"errors", "choices", "config", "progress", "orphans", "children", "scratch", "locks", "stopping", "streams"},
    {"report", "untrusted"},
    {"data"},
    {"graphs"},
    {"keras2", "channels"},
    {"artifacts", "models"},
    {"distribution"},
    {"measure", "training", "litert"},
    {"pruning", "clustering", "quantization", "binarization", "distillation"},
    {"remembering", "reporting", "predicting", "inspection"},
    {"shootout", "tuning", "workers"},
    {"workflow", "creating", "judging"},
    {"cli", "__init__", "__main__"},
]


def test_every_public_name_can_be_had():
    for name in tfopt.__all__:
        assert getattr(tfopt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'prune_low_magnitude'"):
        _ = tfopt.prune_low_magnitude


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfopt."):
            yield node.module.split(".")[1]


def _floor(room):
    return next(level for level, rooms in enumerate(ROOMS) if room in rooms)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    if path == PACKAGE / "__init__.py":
        return
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert {other for other in _imports(path) if _floor(other) > _floor(room)} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_names_of_keras_and_no_tf_keras_by_another_name(path):
    source = path.read_text()
    assert "keras.src" not in source
    assert "tf.keras" not in source
    assert "_maybe_symbolic_build" not in source or path.name == "replicated.py"  # which says why


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 80, node.name
