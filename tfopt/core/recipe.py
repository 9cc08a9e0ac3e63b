"""A recipe: the steps of a pipeline, what they start from and what they are held to, as data that a file can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, JsonValue

from tfopt.config.fields import Config
from tfopt.core.registry import technique, technique_of
from tfopt.core.technique import AnyTechnique
from tfopt.data.config import DataConfig
from tfopt.errors import InputError
from tfopt.evaluation.config import Gates
from tfopt.runtime.atomic_files import write_file


@dataclass(frozen=True)
class Step:
    """A technique and what it was asked for."""

    technique: AnyTechnique
    config: Config

    @classmethod
    def of(cls, config: "Config | Step") -> "Step":
        """Return the step that a config stands for; a step is taken as it is.

        Raises:
            InputError: If it is no config of a technique.
        """
        if isinstance(config, Step):
            return config
        if not isinstance(config, Config):
            raise InputError(f"`steps` are configs of techniques, as PruneConfig(); got {type(config).__name__}")
        return cls(technique_of(config), config)


class RecipeStep(Config):
    """A technique by its name, and the fields of its config; what is left out keeps its default."""

    technique: str
    config: Mapping[str, JsonValue] = Field(default_factory=dict)


class Recipe(Config):
    """Steps, the model they start from, the data they use, and the limits of the result."""

    source: str | None = None
    data: DataConfig | None = None
    steps: tuple[RecipeStep, ...]
    gates: Gates = Gates()

    @classmethod
    def of(cls, steps: Sequence[Step], source: str | None = None, data: DataConfig | None = None) -> Self:
        """Return the recipe of a pipeline."""
        named = [
            RecipeStep(technique=step.technique.name, config=step.config.model_dump(mode="json", exclude_unset=True))
            for step in steps
        ]
        return cls(source=source, data=data, steps=tuple(named))

    def configs(self) -> list[Config]:
        """Return the config of each step.

        Raises:
            InputError: If a technique is not known, or a field of its config is wrong.
        """
        return [technique(step.technique).config.model_validate(step.config) for step in self.steps]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a recipe from a YAML file.

        Raises:
            InputError: If the file is no YAML, or no recipe.
        """
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            raise InputError(f"{path} is no recipe: {' '.join(str(error).split())[:200]}") from error
        if not isinstance(found, dict):
            raise InputError(f"{path} is no recipe: it holds a {type(found).__name__}, not fields")
        return cls.model_validate(found)

    def write(self, path: Path, *, force: bool = False) -> Path:
        """Write the recipe as YAML; raises `OutputError` if the file exists, unless `force`."""
        from io import StringIO

        from ruamel.yaml import YAML

        text = StringIO()
        yaml = YAML()
        yaml.dump(self.model_dump(mode="json", exclude_defaults=True), text)
        return write_file(path, text.getvalue().encode(), force=force)
