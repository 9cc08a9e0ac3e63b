import ast
import re
from pathlib import Path

import pytest

import tfopt

PACKAGE = Path(tfopt.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = [
    {"errors", "typing", "config", "runtime"},
    {"report", "untrusted"},
    {"data"},
    {"graph"},
    {"tasks"},
    {"formats", "models"},
    {"distribution"},
    {"evaluation", "conversion"},
    {"training"},
    {"distribution.workers"},
    {"core"},
    {"techniques"},
    {"inspection", "shootouts", "targets", "tuning"},
    {"optimization"},
    {"api", "creation_api", "evaluation_api"},
    {"cli", "__init__", "__main__"},
]


def test_every_public_name_can_be_had():
    for name in tfopt.__all__:
        assert getattr(tfopt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'prune_low_magnitude'"):
        _ = tfopt.prune_low_magnitude


def test_no_module_takes_the_place_of_a_public_name():
    """An imported module becomes an attribute of its package, and would hide a function of the same name."""
    assert {path.stem for path in PACKAGE.iterdir()} & {*tfopt.__all__} == set()


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfopt."):
            yield node.module.removeprefix("tfopt.")


def _floor(module):
    """The floor of the innermost room that the module is in."""
    names = [module, *(module.rsplit(".", cut)[0] for cut in range(1, module.count(".") + 1))]
    return next(level for name in names for level, rooms in enumerate(ROOMS) if name in rooms)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    if path == PACKAGE / "__init__.py":
        return
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    assert {other for other in _imports(path) if _floor(other) > _floor(module)} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_module_starts_processes(path):
    source = path.read_text()
    starts = re.search(r"\b(subprocess|multiprocessing|Popen|ProcessPoolExecutor|os\.(fork|spawn|exec|system))", source)
    ours = {"process_group.py", "fork.py"}  # the latter only tries a step of a child
    assert not starts or (path.parent == PACKAGE / "runtime" and path.name in ours)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_names_of_keras_and_no_tf_keras_by_another_name(path):
    source = path.read_text()
    assert "keras.src" not in source or path.name == "process_state.py"  # which says why
    assert (
        not re.search(r"tf\.keras|tensorflow_model_optimization", source) or path.name == "model_optimization.py"
    )  # so
    assert "_maybe_symbolic_build" not in source or path.name == "replicated.py"  # which says why


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 80, node.name


def test_no_command_takes_the_place_of_the_command_line():
    assert not (PACKAGE / "cli" / "run.py").exists()  # `tfopt.cli.run` is what runs it
