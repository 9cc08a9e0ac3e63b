"""Whatever is typed: exit 0 or 2, one sentence, no traceback and no file; whatever is configured: valid or refused."""

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tfopt
from tests.conftest import SAMPLES
from tfopt.cli import run
from tfopt.cli.application import imported
from tfopt.cli.commands import OWN
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.errors import InputError

PARSED = "everything was parsed"
COMMANDS = {name: imported(name) for commands in OWN.values() for name in commands}
NUMBERS = st.one_of(st.integers(), st.integers(-3, 300), st.floats(), st.sampled_from([2**31, 2**63, 10**400, -0.0]))
TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30),
    st.sampled_from(
        [
            "", " ", "-", "--", "-o", "--help", ".", "..", "/", "~", "sample.keras", "sample.tflite", "-sample.keras",
            "a b.keras", "\U0001f600.keras", "x" * 5000 + ".keras", "é" * 200 + ".tflite", "d/" * 3000 + "m.keras",
            "nan", "inf", "-1", "1e999", "0x10", "1_000", "\uff11\uff12", "50%", "%", "10MB", "-5kB", "1h", "2:4",
            "block:0x0", "block:1x4", "(", "[a-", "a" * 100 + "*", "mlp,cnn", ",", "all", "digits", "d.csv", "tfds:",
            "tfds:/etc", "node:1,node:1", "::", "${HOME}", "\x1b[31m", "\n", "\t", "module:function", "os:getcwd",
        ]
    ),
    NUMBERS.map(str),
)  # fmt: skip


@st.composite
def command_lines(draw) -> list[str]:
    """A command, some of its options and arguments, each with a value that makes sense or not."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    line = [name]
    parameters = [parameter for parameter in COMMANDS[name].params if parameter.param_type_name == "option"]
    for option in draw(st.lists(st.sampled_from(parameters), max_size=5)):
        flag = draw(st.sampled_from([*option.opts, *option.secondary_opts]))
        if flag in ("--custom-objects", "--debug", "-h", "--help", "--install-completion", "--show-completion"):
            continue
        choices = list(getattr(option.type, "choices", ()))
        value = draw(st.one_of(TEXTS, st.sampled_from(choices).map(str)) if choices else TEXTS)
        line += [flag] if option.is_flag else draw(st.sampled_from([[flag, value], [f"{flag}={value}"]]))
    return line + draw(st.lists(st.one_of(st.just("sample.keras"), TEXTS), max_size=3))


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "sample.keras").write_bytes((SAMPLES / "digits-cnn.keras").read_bytes())
        (Path(name) / "d.csv").write_text("a,label\n1,0\n2,1\n" * 10)
        before = Path.cwd()
        os.chdir(name)
        yield Path(name)
        os.chdir(before)


@pytest.fixture
def parsed_only():
    """Commands end where TensorFlow would be loaded: their options have been read and checked by then."""

    def stop(self: Output) -> None:
        raise InputError(PARSED)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Output, "load_tensorflow", stop)
        yield


def typed(line: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(line)
    return code, out.getvalue(), err.getvalue()


@given(line=command_lines())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_any_command_line(folder, parsed_only, line):
    check(folder, line)


@pytest.mark.slow
@given(line=command_lines())
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_more_command_lines(folder, parsed_only, line):
    check(folder, line)


def check(folder: Path, line: list[str]) -> None:
    before = sorted(path.name for path in folder.iterdir())
    code, out, err = typed(line)
    err = err.removeprefix("quantizing sample.keras, the newest Keras model here that tfopt wrote\n")
    assert code in (0, 2), (line, code)
    assert "Traceback" not in out + err, line
    assert not re.search(r"unexpected \w+ ?\w*:", err), (line, err)
    if code == 2:
        assert out == ""
        assert err.startswith("error: "), (line, err)
        assert err.count("\n") == 1, (line, err)
    assert sorted(path.name for path in folder.iterdir()) == before, line


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
CONFIGS = [
    kind
    for kind in (getattr(tfopt, name) for name in tfopt.__all__)
    if isinstance(kind, type) and issubclass(kind, Config)
]  # fmt: skip


@st.composite
def configurations(draw) -> tuple[type[Config], dict[str, Any]]:
    kind = draw(st.sampled_from(CONFIGS))
    names = st.sampled_from([*kind.model_fields, "unknown"]) if kind.model_fields else st.just("unknown")
    return kind, draw(st.dictionaries(names, JSON, max_size=4))


@given(given_=configurations())
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_any_configuration_is_refused_or_comes_back_the_same(given_):
    kind, options = given_
    try:
        config = kind.model_validate(options)
    except InputError:
        return
    assert kind.model_validate(config.model_dump()) == config
    assert kind.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    "name", ["a b", "-m", "--force", "\U0001f600" * 40, "é" * 100, "$(touch x)", "a;b", "'\"", "x" * 200, "[bold]x"]
)
@pytest.mark.slow
def test_names_that_need_care(tfopt, tmp_path, name):
    (tmp_path / f"{name}.keras").write_bytes((SAMPLES / "digits-mlp.keras").read_bytes())
    ended = tfopt("convert", "-o", f"{name} out.tflite", "--", f"{name}.keras")
    assert ended.code == 0, ended.err
    assert (tmp_path / f"{name} out.tflite").exists()
    assert tfopt("inspect", "--", f"{name} out.tflite").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.keras", f"{name} out.tflite", f"{name} out.tflite.report.json"
    }  # fmt: skip
