#!/usr/bin/env python3
"""Known vulnerabilities of what is installed here, by pip-audit; says so where no database can be reached."""

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
OPTIONS = "--vulnerability-service osv --local --skip-editable --progress-spinner off --timeout 15 --format json"


def main() -> int:
    """The exit code: 1 if something installed is known to be vulnerable, or pip-audit failed."""
    reason = missing()
    if reason:
        print(f"pip-audit: NOT RUN: {reason}; vulnerabilities were not looked for")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", *OPTIONS.split(), "--output", str(report)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            print(f"pip-audit: NOT RUN to its end: {DATABASE} did not answer within {SECONDS} s")
            return 0
        if not report.exists():
            print(f"pip-audit: FAILED with code {ended.returncode}: {ended.stderr.strip()}")
            return 1
        return told(json.loads(report.read_text())["dependencies"])


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


def told(packages: list[dict]) -> int:
    """Print what is known of the packages, as pip-audit lists them; 1 if one is vulnerable."""
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    harmed = [package for package in packages if package.get("vulns")]
    for package in harmed:
        for known in package["vulns"]:
            mended = ", ".join(known["fix_versions"]) or "no version"
            print(f"pip-audit: {package['name']} {package['version']} has {known['id']}, mended in {mended}")
    print(
        f"pip-audit: {len(packages) - len(skipped)} packages looked at, {len(harmed)} of them with known"
        f" vulnerabilities; not looked at: {', '.join(skipped) or 'none'}"
    )
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
