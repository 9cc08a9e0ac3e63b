"""On how many devices to train."""

from typing import Any, Self

from pydantic import model_validator

from tfopt.config.fields import Config, Count


class DistributedConfig(Config):
    """Base of the configs that train: `distributed` is on every visible GPU or the CPU, or on `replicas` of them."""

    distributed: bool = False
    replicas: Count | None = None

    @model_validator(mode="after")
    def _replicas_need_distributed(self) -> Self:
        if self.replicas is None:
            return self
        if not self.distributed:
            raise ValueError("--replicas needs --distributed")
        batch: Any = getattr(self, "batch_size", None)
        if batch is not None and batch < self.replicas:
            raise ValueError(f"--batch-size {batch} is global and must give each of {self.replicas} replicas a sample")
        return self
