"""A move is a way to make a file of a model: channels that leave, bits that weights keep, and training for that.

It amounts to the steps of a recipe, so that `tfopt run` makes the same file of the same model again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tfopt.config.fields import Config
from tfopt.conversion.config import FloatConfig
from tfopt.core.recipe import Step
from tfopt.optimization.config import OptimizeConfig
from tfopt.targets.made_for import settings_for
from tfopt.targets.target import Target
from tfopt.techniques.qat.config import EPOCHS_OF_FEW_BITS, QatConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.typing import Options

Form = Literal["int8", "dynamic", "float32"]
WIDE = 8.0  # bits of a weight that nothing is saved on


@dataclass(frozen=True)
class Move:
    """Says how a file is made.

    Attributes:
        share: Of the MACs or parameters that are left when channels have left; with 1 none leave.
        bits: The mean bits of a weight.
        form: How it computes.
        epochs: Of training; 0 for none.
    """

    share: float = 1.0
    bits: float = WIDE
    form: Form = "int8"
    epochs: int = 0

    def described(self, costs: str) -> str:
        """Say it in words; `costs` are what channels leave for, MACs or parameters.

        >>> Move(0.5, 3.25, epochs=20).described("MACs")
        'channels for 50 % of the MACs, int8 with 3.25 bits a weight, 20 epochs'
        """
        parts = [f"channels for {self.share * 100:.0f} % of the {costs}"] if self.share < 1 else []
        parts.append(f"{self.form} with {self.bits:g} bits a weight" if self.narrow else self.form)
        parts += [f"{self.epochs} epochs"] if self.epochs else []
        return ", ".join(parts)

    def costs_no_less(self, other: "Move") -> bool:
        """Tell whether another move saves at least as much of everything."""
        return self.form == other.form and self.share >= other.share and self.bits >= other.bits

    @property
    def narrow(self) -> bool:
        """Tell whether weights have fewer than 8 bits."""
        return self.bits < WIDE

    def steps(
        self, config: OptimizeConfig, target: Target | None, layer_bits: Mapping[str, int] | None = None
    ) -> list[Step]:
        """Return the steps of a pipeline that makes the file.

        Args:
            config: What is asked for.
            target: The device that the file is for.
            layer_bits: The bits of each layer that is trained for few.
        """
        found = [Step.of(removal(self.share, config, self.epochs))] if self.share < 1 else []
        step = Step.of(self._file(config, layer_bits))
        if target:
            step = replace(step, config=settings_for(target, step.technique, step.config))
        return [*found, step]

    def _file(self, config: OptimizeConfig, layer_bits: Mapping[str, int] | None) -> Config:
        """Return what makes the file of a model, whose channels have left."""
        if self.form == "float32":
            return FloatConfig()
        if self.epochs and self.form == "int8":
            learnt: Options = {"layer_bits": dict(layer_bits)} if layer_bits else {}
            return QatConfig(epochs=self.epochs, **_training(config), **learnt)
        return QuantizeConfig(precision=self.form, **({"bits_budget": self.bits} if self.narrow else {}))


def removal(share: float, config: OptimizeConfig, epochs: int = 0) -> StructuredConfig:
    """Return what lets channels leave until a share of the parameters or MACs is left, whichever the goal is about."""
    target = "target_params" if by_parameters(config) else "target_macs"
    learnt = {"teacher": "self", **_training(config)} if epochs else {"seed": config.seed}
    return StructuredConfig(epochs=epochs, **{target: share}, **learnt)


def by_parameters(config: OptimizeConfig) -> bool:
    """Tell whether channels leave for the sake of parameters; otherwise it is for MACs."""
    return config.goal in ("size", "flash")


def usual_epochs(config: OptimizeConfig) -> int:
    """Return the epochs of a training that nothing cuts short."""
    return config.epochs or EPOCHS_OF_FEW_BITS


def _training(config: OptimizeConfig) -> Options:
    """Return what all trainings have in common, as far as it was asked for."""
    asked: Options = {"seed": config.seed}
    asked |= {"augment": config.augment} if config.augment else {}
    return asked | ({"metric": config.metric} if config.metric else {})
