"""The closed sets of words an option accepts; light enough for `tfopt --help` to import."""

from typing import Literal

Arch = Literal["mlp", "cnn", "mobilenet", "rnn", "transformer", "hybrid", "seq2seq", "unet"]
Size = Literal["tiny", "small", "base"]
Cell = Literal["lstm", "gru"]
Parts = Literal["rnn", "attention", "rnn+attention"]
Task = Literal[
    "classification",
    "regression",
    "forecasting",
    "translation",
    "segmentation",
    "image-to-image",
    "several",
    "compiled",
    "multi-label",
    "anomaly",
]
TunedArch = Literal["any", Arch]
SearchMethod = Literal["random", "grid", "bayes"]
Augmentation = Literal["flip", "crop", "rotate", "noise", "mixup"]
Decay = Literal["constant", "cosine", "exponential", "step", "plateau"]
Scale = Literal["none", "unit", "signed", "standard"]
Schedule = Literal["cubic", "constant", "one-shot"]
Scope = Literal["layer", "local", "global"]
Structure = Literal["filters", "units", "heads", "layers", "auto"]
Importance = Literal["reconstruction", "l1", "l2", "bn-scale", "taylor", "activation", "random"]
Engine = Literal["tfopt", "tfmot"]
Precision = Literal["int8", "int16", "float16", "dynamic", "weights"]
WeightType = Literal["int8", "int4", "int3", "int2"]
Algorithm = Literal["auto", "sequential", "minmax", "mse", "octav", "gptq"]
Mode = Literal["binary", "ternary"]
Form = Literal["int2", "int4", "int8", "weights"]
Lowering = Literal["direct", "fused", "loop", "unrolled"]
Sparse = Literal["auto", "on", "off"]
Initialization = Literal["kmeans++", "density", "linear", "random"]
Grain = Literal["layer", "channel"]
InterfaceType = Literal["float", "int8", "uint8"]
