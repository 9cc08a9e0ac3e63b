import os
import subprocess
import sys
import time
from pathlib import Path

AUDIT = Path(__file__).parents[1] / ".ci" / "audit.py"


def test_without_a_database_the_audit_says_that_it_was_not_run_and_does_not_fail():
    nowhere = "http://127.0.0.1:9"
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, str(AUDIT)], env={**os.environ, "https_proxy": nowhere, "HTTPS_PROXY": nowhere},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    assert ended.stdout.startswith("pip-audit: NOT RUN: ")
    assert ended.stdout.count("\n") == 1
    assert time.monotonic() - began < 20
