"""A recipe: the steps of a pipeline, what they start from and what they are held to, as data that a file can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue

from tfopt.config.fields import Config
from tfopt.conversion.config import for_c_array
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


def check_formats(steps: Sequence[Step]) -> None:
    """Raise `InputError` if a step gives what the next cannot take."""
    for step, following in pairwise(steps):
        if step.technique.gives != "keras":
            raise InputError(
                f"{step.technique.name} gives a .{step.technique.gives} file, but {following.technique.name} takes"
                " a Keras model: swap them"
            )


class RecipeStep(Config):
    """A technique by its name, and the fields of its config; what is left out keeps its default."""

    technique: Annotated[str, Field(description="The name of a technique.")]
    config: Annotated[Mapping[str, JsonValue], Field(description="What is asked of it.")] = Field(default_factory=dict)


class Outputs(Config):
    """The files that a run writes, in its folder."""

    model: Annotated[str | None, Field(description="Name of the result; left out: as its technique calls it.")] = None
    emit: Annotated[
        Literal["c"] | None, Field(description="Also write a .tflite file as a C array, with a program.")
    ] = None


def _named(given: object) -> object:
    return {"source": given} if isinstance(given, str) else given


class Recipe(Config):
    """Steps, the model they start from, the data they use, and the limits of the result."""

    source: Annotated[str | None, Field(description="The model that the first step is given.")] = None
    data: Annotated[
        DataConfig | None,
        BeforeValidator(_named, json_schema_input_type=DataConfig | str | None),
        Field(description="The data, or their source alone; left out: what the model remembers."),
    ] = None
    steps: Annotated[tuple[RecipeStep, ...], Field(min_length=1, description="Techniques, one after the other.")]
    gates: Annotated[Gates, Field(description="Limits that the result must respect.")] = Gates()
    outputs: Annotated[Outputs, Field(description="The files that are written.")] = Outputs()

    @classmethod
    def of(cls, steps: Sequence[Step], **fields: Any) -> Self:
        """Return the recipe of a pipeline, with further `fields`."""
        named = [
            RecipeStep(technique=step.technique.name, config=step.config.model_dump(mode="json", exclude_unset=True))
            for step in steps
        ]
        return cls(steps=tuple(named), **fields)

    def configs(self) -> list[Config]:
        """Return the config of each step.

        Raises:
            InputError: If a technique is not known, or a field of its config is wrong.
        """
        return [step.config for step in self.pipeline_steps()]

    def pipeline_steps(self) -> list[Step]:
        """Return the technique and the config of each step; errors as in `configs`."""
        named = [(technique(step.technique), step.config) for step in self.steps]
        found = [Step(one, one.config.model_validate(config)) for one, config in named]
        if self.outputs.emit:
            found[-1] = Step(found[-1].technique, for_c_array(found[-1].config))
        return found

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read a recipe from a YAML file, and what it extends (see `tfopt.core.recipe_file`).

        Raises:
            InputError: In one sentence with the line, if the file is none, or no pipeline can be made of it.
        """
        from tfopt.core.recipe_file import read_recipe

        return read_recipe(path)

    def write(self, path: Path, *, force: bool = False) -> Path:
        """Write the recipe as YAML; raises `OutputError` if the file exists, unless `force`."""
        from tfopt.core.recipe_file import recipe_text

        return write_file(path, recipe_text(self, path.parent).encode(), force=force)
