"""A technique of another package, two files that no line of tfopt knows, is like one of tfopt's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfopt as library
from tests.conftest import SAMPLES
from tfopt.cli import commands
from tfopt.core import registry

PACKAGE = Path(__file__).parent / "noise_technique"
PROJECT = PACKAGE.parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Run Python in an empty folder with the package installed beside tfopt."""
    folder = tmp_path_factory.mktemp("noise")
    shutil.copytree(PACKAGE, folder / "source")
    site = folder / "site"
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *install, "--target", site, folder / "source"], check=True)
    shutil.copy(SAMPLES / "digits-cnn.keras", folder / "sample.keras")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (site, PROJECT)))}

    def run(*arguments):
        command = [sys.executable, "-P", *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    run.folder = folder
    return run


@pytest.fixture
def beside(installed, sample, monkeypatch):
    """Have the installed package beside tfopt in this process, too: it imports TensorFlow once for all of them."""

    def forget():
        sys.modules.pop("tfopt_noise", None)
        for known in (registry.third_party, registry.technique, commands.listed):
            known.cache_clear()

    forget()
    monkeypatch.syspath_prepend(installed.folder / "site")
    yield
    monkeypatch.undo()
    forget()


def test_not_one_line_of_tfopt_knows_it():
    sources = [path.read_text() for path in (PROJECT / "tfopt").rglob("*.py")]
    assert sources
    assert not any("tfopt_noise" in source or "tfopt-noise" in source for source in sources)


def test_it_is_in_the_help_and_takes_its_options(installed):
    page = installed("-m", "tfopt", "--help")
    assert page.returncode == 0, page.stderr
    assert "noise     Add noise to the kernels of a model." in page.stdout
    own = installed("-m", "tfopt", "noise", "--help").stdout
    assert "--sigma" in own
    assert "as a share of the deviation of a kernel" in " ".join(own.split())
    assert "tfopt noise model.keras --sigma 0.05" in " ".join(own.split())


def test_its_mistakes_are_one_sentence(installed):
    ended = installed("-m", "tfopt", "noise", "sample.keras", "--sigma", "2")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: --sigma 2")
    assert ended.stderr.count("\n") == 1


def test_it_runs_alone_and_the_model_remembers_it(tfopt, beside):
    ended = tfopt("noise", "sample.keras", "--sigma", "0.05", "--json")
    assert ended.code == 0, ended.err
    report = ended.report
    assert report["command"] == "noise"
    assert {layer["detail"] for layer in report["layers"] if layer["action"] == "changed"} == {"noise of 0.05"}
    assert [m["name"] for m in report["measurements"]] == ["sample.keras", "sample-noisy.keras"]
    facts = tfopt("inspect", "sample-noisy.keras", "--json").report
    assert facts["origin"]["history"][-1]["command"] == "noise"
    assert facts["layers"][1]["techniques"]["noise"] == {"can": True, "detail": "noise on its kernel"}


def test_it_runs_in_a_pipeline_and_keeps_what_every_technique_promises(beside, sample):
    from tfopt_noise import NoiseConfig

    source = library.load(sample)
    before = [weight.copy() for weight in source.model.get_weights()]
    steps = [NoiseConfig(sigma=0.02), library.QuantizeConfig(precision="dynamic")]
    one, other = (library.Pipeline(steps).run(source) for _ in "ab")
    assert one.artifact.payload == other.artifact.payload, "a seed decides every bit"
    after = source.model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)), "the input is left alone"
    assert len(one.report.measurements) == 3, [m.name for m in one.report.measurements]
    assert {change.layer for change in one.report.layers} == {x.name for x in source.model.layers if x.weights}
    recipe = library.Recipe.of(library.Pipeline(steps).steps)
    assert [step.technique for step in recipe.steps] == ["noise", "quantize"]
    assert recipe.configs() == steps


def test_one_that_cannot_be_loaded_harms_nobody_else(installed, tmp_path):
    broken = tmp_path / "broken-1.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\nSummary: Not there.\n")
    (broken / "entry_points.txt").write_text("[tfopt.techniques]\nbroken = no_such_module:Broken\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from tfopt.cli import run; sys.exit(run(sys.argv[1:]))"
    assert installed("-c", code, "--help").returncode == 0
    assert installed("-c", code, "prune", "--help").returncode == 0
    ended = installed("-c", code, "broken", "sample.keras")
    assert ended.returncode == 2
    assert "the technique broken (no_such_module:Broken) cannot be loaded" in ended.stderr
    assert ended.stderr.count("\n") == 1
