import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / ".ci" / "audit.py"
SOUND = {"name": "sound", "version": "1", "vulns": []}
HARMED = {"name": "harmed", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "ours", "skip_reason": "distribution marked as editable"}


@pytest.fixture
def audit():
    specification = importlib.util.spec_from_file_location("audit", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_without_a_database_the_audit_says_that_it_was_not_run_and_does_not_fail(audit, monkeypatch, capsys):
    monkeypatch.setattr(audit, "DATABASE", "http://127.0.0.1:9/")
    assert audit.main() == 0
    out = capsys.readouterr().out
    assert out.startswith("pip-audit: NOT RUN: ")
    assert out.count("\n") == 1


def test_a_package_that_is_known_to_be_vulnerable_is_a_failure(audit, capsys):
    assert audit.told([SOUND, SKIPPED]) == 0
    assert "1 packages looked at, 0 of them with known vulnerabilities; not looked at: ours" in capsys.readouterr().out
    assert audit.told([SOUND, HARMED]) == 1
    assert "harmed 2 has PYSEC-1, mended in 3" in capsys.readouterr().out


def test_an_audit_that_does_not_work_is_a_failure(audit, monkeypatch, capsys):
    monkeypatch.setattr(audit, "missing", lambda: "")
    monkeypatch.setattr(audit, "OPTIONS", "--no-such-option")
    assert audit.main() == 1
    assert "FAILED" in capsys.readouterr().out
