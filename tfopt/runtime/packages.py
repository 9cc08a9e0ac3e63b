"""Packages of the extras, which may not be installed."""

from importlib.metadata import PackageNotFoundError, version

from tfopt.errors import InputError

EXTRAS = {
    "tflite-micro": "mcu",
    "ethos-u-vela": "mcu",
    "onnxruntime": "onnx",
    "tf2onnx": "onnx",
    "jinja2": "html",
    "altair": "html",
    "vl-convert-python": "html",
}


def installed(package: str) -> str:
    """Return the version of a package of an extra.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        raise InputError(f"this needs the package {package}: pip install 'tfopt[{EXTRAS[package]}]'") from None
