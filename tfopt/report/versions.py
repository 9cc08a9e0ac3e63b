"""The versions a figure was obtained with."""

import platform
from importlib.metadata import version

PACKAGES = ("tfopt", "tensorflow", "keras", "ai-edge-litert", "litert-quantizer", "numpy")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
