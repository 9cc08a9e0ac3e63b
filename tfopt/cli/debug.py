"""`tfopt debug`: which layer suffers from quantization, or from losing channels."""

from tfopt.cli import data_options, options, removal
from tfopt.cli.output import Output
from tfopt.cli.precision import chosen, quantize_config
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt debug model.keras

  tfopt debug model.keras --dynamic --weights int4

  tfopt debug model.keras --structured --amount 0.25"""


def debug(
    model: options.ModelArgument,
    int8: options.Int8 = False,
    int16: options.Int16 = False,
    float16: options.Float16 = False,
    dynamic: options.Dynamic = False,
    weights: options.Weights = None,
    block: options.Block = None,
    algorithm: options.AlgorithmOption = None,
    length: options.Length = None,
    structured: removal.ByGroup = False,
    amount: removal.Amount = None,
    importance: removal.ImportanceOption = None,
    calibration: options.CalibrationOption = None,
    data: data_options.Data = None,
    scale: data_options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Quantize a model, or silence channels, write nothing, and show layer by layer what that does, worst first."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.techniques.quantization.config import QuantizeConfig
        from tfopt.techniques.structured.config import StructuredConfig

        given = {
            "weights": weights, "block": block, "algorithm": algorithm, "length": length, "calibration": calibration
        }  # fmt: skip
        flags = {"int8": int8, "int16": int16, "float16": float16, "dynamic": dynamic}
        removed = removal.chosen(
            "auto" if structured else None, {"amount": amount, "importance": importance}, flags | given
        )
        config: QuantizeConfig | StructuredConfig
        config = quantize_config(chosen(flags, weights), given) if removed is None else StructuredConfig(**removed)
        source = data_options.data_config(data, scale)
        path = check_model_path(model)
        out.load_tensorflow(custom_objects)
        from tfopt import api as judging

        out.report(judging.debug(path, config, source, progress=out))
