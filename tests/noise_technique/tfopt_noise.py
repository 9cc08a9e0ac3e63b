"""A technique of another package: noise on the kernels, to see how much of it a model bears."""

from typing import Annotated

from pydantic import Field

import tfopt


class NoiseConfig(tfopt.Config):
    """How much noise is added, as a share of the deviation of each kernel."""

    sigma: Annotated[float, Field(ge=0, le=1, description="Noise, as a share of the deviation of a kernel.")] = 0.01
    seed: Annotated[int, Field(ge=0, description="Same seed: same noise.")] = 0


class Noise(tfopt.Technique[NoiseConfig]):
    """Add noise to the kernels of a model."""

    name = "noise"
    config = NoiseConfig
    trains = False
    ending = "-noisy.keras"
    examples = ("tfopt noise model.keras --sigma 0.05",)

    def apply(self, artifact, config, context):
        import numpy as np

        rng = np.random.default_rng(config.seed)
        model = artifact.fresh_model()
        layers = []
        for layer in model.layers:
            kernels = [weight for weight in layer.weights if len(weight.shape) > 1]
            for kernel in kernels:
                values = kernel.numpy()
                kernel.assign(values + rng.normal(0, config.sigma * values.std(), values.shape))
            if layer.weights:
                layers.append(
                    tfopt.LayerChange(
                        layer=layer.name,
                        kind=type(layer).__name__,
                        action="changed" if kernels else "skipped",
                        detail=f"noise of {config.sigma:g}" if kernels else "no kernel",
                        weights=layer.count_params(),
                    )
                )
        return tfopt.Outcome(tfopt.KerasArtifact.from_model(model, artifact.name), layers=layers)

    def plan(self, artifact, config, context):
        return {
            layer.name: tfopt.Verdict(can=len(layer.weights[0].shape) > 1, detail="noise on its kernel")
            for layer in artifact.model.layers
            if layer.weights
        }
