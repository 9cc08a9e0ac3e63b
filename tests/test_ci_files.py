"""What CI systems read: JUnit XML, Markdown, and a workflow whose steps are run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from tests.conftest import SAMPLES
from tfopt.report.junit import junit_xml
from tfopt.report.markdown import markdown_text
from tfopt.report.schema import GateResult, LockCheck, Measurement, Report

PROJECT = Path(__file__).parents[1]
MODELS = (str(SAMPLES / "digits-mlp.keras"), str(SAMPLES / "digits-cnn.keras"))


def test_compare_writes_a_test_for_each_model_and_limit(tfopt, tmp_path):
    files = ("--junit", "results.xml", "--markdown", "table.md")
    ended = tfopt("compare", *MODELS, "--max-size", "50kB", "--max-drop", "90%", *files, "-q")
    assert ended.code == 1
    [suite] = ElementTree.parse(tmp_path / "results.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    cases = {(case.get("classname"), case.get("name")): case.find("failure") for case in suite}
    assert list(cases) == [
        ("digits-mlp.keras", "loads and runs"),
        ("digits-cnn.keras", "loads and runs"),
        ("digits-cnn.keras", "max-size 50000"),
        ("digits-cnn.keras", "max-drop 0.9"),
    ]
    assert cases["digits-cnn.keras", "max-size 50000"].get("message").startswith("max-size 50000, found ")
    assert [case for case, failure in cases.items() if failure is not None] == [("digits-cnn.keras", "max-size 50000")]
    text = (tmp_path / "table.md").read_text()
    assert "|  | digits-mlp.keras | digits-cnn.keras |\n|---|---|---|\n| file | " in text
    assert "- FAIL: digits-cnn.keras: --max-size 50.0 kB, found " in text
    assert "[dim]" not in text


def test_files_that_exist_are_kept_unless_forced_and_nothing_is_measured_first(tfopt, tmp_path):
    (tmp_path / "results.xml").write_text("mine")
    ended = tfopt("compare", *MODELS, "--junit", "results.xml")
    assert (ended.code, "results.xml exists" in ended.err, (tmp_path / "results.xml").read_text()) == (2, True, "mine")
    ended = tfopt("compare", *MODELS, "--markdown", "no/such/table.md")
    assert (ended.code, "the folder no/such does not exist" in ended.err) == (2, True)
    assert tfopt("compare", *MODELS, "--junit", "results.xml", "--force", "-q").code == 0
    assert (tmp_path / "results.xml").read_bytes().startswith(b"<?xml")


def test_names_are_escaped_and_checks_of_a_lock_are_tests_as_well():
    name = 'a|b"<&>.keras'
    one = Measurement(
        name=name, format="keras", file_bytes=1, gzip_bytes=1, parameters=1, nonzero_parameters=1, macs=1, latency=None
    )
    report = Report(
        command="run", config={}, data=None, measurements=[one], comparisons=[],
        gates=[GateResult(gate="max-size", name=name, limit=2, found=1, passed=True)],
        lock=[LockCheck(what="output", name=name, locked="a" * 64, found="b" * 64, passed=False)],
    )  # fmt: skip
    [suite] = ElementTree.fromstring(junit_xml(report))
    assert [case.get("classname") for case in suite] == [name] * 3
    assert suite.find("testcase/failure").get("message") == f"locked {'a' * 64}, found {'b' * 64}"
    text = markdown_text(report)
    assert '| a\\|b"<&>.keras |' in text
    assert text.count("FAIL: output") == 1


@pytest.fixture(scope="module")
def workflow():
    return YAML(typ="safe").load((PROJECT / "docs" / "github-actions.yaml").read_text(encoding="utf-8"))


def test_the_workflow_of_the_docs_is_one_of_github_actions(workflow):
    assert set(workflow) == {"name", "on", "env", "jobs"}
    [job] = workflow["jobs"].values()
    assert job["runs-on"].startswith("ubuntu-")
    for step in job["steps"]:
        assert set(step) <= {"name", "uses", "with", "run", "if"}
        assert ("uses" in step) != ("run" in step)
        assert "uses" not in step or (step["uses"].startswith("actions/") and "@v" in step["uses"])
    assert (PROJECT / workflow["env"]["RECIPE"]).exists()
    shown = (PROJECT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert all(line in shown for line in [step["run"] for step in job["steps"] if "--junit" in step.get("run", "")])


@pytest.mark.slow
def test_the_steps_of_the_workflow_run_as_a_script(workflow, tmp_path):
    for folder in ("docs", "sample_models"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    (tmp_path / "docs" / "small.lock.json").unlink(missing_ok=True)
    [job] = workflow["jobs"].values()
    lines = [step["run"] for step in job["steps"] if "run" in step and "pip install" not in step["run"]]
    assert len(lines) == 3
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **workflow["env"], "PATH": path, "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md")}
    ended = subprocess.run(
        ["bash", "-e", "-c", "\n".join(lines)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "small.tflite" in (tmp_path / "page.md").read_text()
    assert ElementTree.parse(tmp_path / "results.xml").getroot()[0].get("failures") == "0"
    assert (tmp_path / "model-again" / "small.tflite").read_bytes() == (
        tmp_path / "model-run" / "small.tflite"
    ).read_bytes()
