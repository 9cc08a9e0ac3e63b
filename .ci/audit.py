#!/usr/bin/env python3
"""Known vulnerabilities of what is installed here, by pip-audit; says so where it cannot be run, and then ends well."""

import importlib.util
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

DATABASE = "https://api.osv.dev/"
SECONDS = 300


def main() -> int:
    reason = missing()
    found = None if reason else audited()
    if found is None:
        print(f"pip-audit: NOT RUN: {reason or 'it did not end well'}; vulnerabilities were not looked for")
        return 0
    harmed = {f"{package['name']} {package['version']}": package["vulns"] for package in found if package.get("vulns")}
    for package, vulnerabilities in harmed.items():
        for known in vulnerabilities:
            print(f"pip-audit: {package} has {known['id']}, mended in {', '.join(known['fix_versions']) or 'none'}")
    print(f"pip-audit: {len(found)} packages, {len(harmed)} of them with known vulnerabilities")
    return 1 if harmed else 0


def missing() -> str:
    """Why it cannot be run; nothing if it can."""
    if importlib.util.find_spec("pip_audit") is None:
        return "it is not installed"
    try:
        urllib.request.urlopen(DATABASE, timeout=5)
    except urllib.error.HTTPError:
        return ""  # there is somebody who answers
    except OSError:
        return f"{DATABASE} cannot be reached"
    return ""


def audited() -> list[dict] | None:
    """What is known of each package; nothing if the database stopped answering."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--vulnerability-service",
            "osv",
            "--local",
            "--skip-editable",
            "--progress-spinner",
            "off",
            "--timeout",
            "15",
            "--format",
            "json",
            "--output",
            str(report),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
            return json.loads(report.read_text())["dependencies"]
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError):
            return None


sys.exit(main())
