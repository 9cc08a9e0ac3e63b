"""From the flags that say how to quantize to a config."""

from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.config.choices import WeightType
from tfopt.errors import InputError
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.config.choices import Precision
    from tfopt.techniques.quantization.config import QuantizeConfig


def chosen(flags: dict[str, bool], weights: WeightType | None) -> "Precision":
    """The one precision among `flags`; none of them means int8, or weights only if `weights` says how to store them."""
    given = [name for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        raise InputError(f"{' and '.join(f'--{name}' for name in given)} exclude each other; choose one")
    if given:
        return given[0]  # type: ignore[return-value]
    return "weights" if weights else "int8"


def quantize_config(precision: "Precision", given: Options) -> "QuantizeConfig":
    """The config of post-training quantization; what is None in `given` keeps its default."""
    from tfopt.techniques.quantization.config import QuantizeConfig

    values = {name: value for name, value in given.items() if value is not None}
    calibration = values.get("calibration")
    if calibration is not None:
        values["calibration"] = int(calibration) if calibration.isdigit() else Path(calibration)
    return QuantizeConfig.model_validate({"precision": precision, **values})
