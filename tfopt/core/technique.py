"""A technique: a config, and what makes another model of one.

It is one object: a pipeline holds it, the command line makes its options from its config, `inspect` asks it about each
layer. Third parties add theirs by an entry point of the group `tfopt.techniques` (see `tfopt.core.registry`). A module
that defines a technique is imported for its help page: it imports TensorFlow and Keras inside `apply`, not at its top.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from tfopt.config.fields import Config
from tfopt.typing import Json

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict
    from tfopt.report.schema import Report

Format = Literal["keras", "tflite", "onnx"]
Property = Literal["sparsity", "clusters"]
C = TypeVar("C", bound=Config)


class Technique(ABC, Generic[C]):
    """Base of all techniques. The first line of a technique's docstring is its help.

    Attributes:
        name: How a recipe and the history of a model call it.
        config: The class of its config; its fields are the options of the command line.
        gives: The format of what it makes; it takes Keras models.
        trains: Whether its result remembers the data it was given, not those of its source.
        keeps: What a model may have and still has afterwards, with the default config; a test holds it to that.
        command: The command of the command line that it belongs to, if it is not its own.
        option: The field or flag that chooses it among the techniques of its command.
        companions: Suffixes of the files that lie beside its artifact.
        ending: What follows the stem of the source in the name of the result; `{config}` stands for the config. Left
            out, it is the name and the suffix.
        children: Modules with functions that it calls in child processes; these are started ahead, one for each call.
        has_targets: Whether options of it may follow from the target that a model is made for (`Target.suited`).
        column: How `inspect` calls it.
        examples: Command lines for the help page.
    """

    name: ClassVar[str]
    config: ClassVar[type[Config]]
    gives: ClassVar[Format] = "keras"
    trains: ClassVar[bool] = True
    keeps: ClassVar[frozenset[Property]] = frozenset()
    command: ClassVar[str] = ""
    option: ClassVar[str] = ""
    companions: ClassVar[tuple[str, ...]] = ()
    ending: ClassVar[str] = ""
    children: ClassVar[tuple[str, ...]] = ()
    has_targets: ClassVar[bool] = False
    column: ClassVar[str] = ""
    examples: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def apply(self, artifact: "KerasArtifact", config: C, context: "Context") -> "Outcome":
        """Make another model of a copy of `artifact`, which is left alone.

        Args:
            artifact: A Keras model, whose weights are finite.
            config: What was asked for.
            context: The data, without a test split, and what judges by the validation split.

        Raises:
            TfoptError: In one sentence, if it cannot be done.
        """

    def check(self, artifact: "KerasArtifact", config: C, context: "Context") -> None:
        """Raise what `apply` would raise at once, as where there are no data; it is asked before a plan is shown."""

    def plan(self, artifact: "KerasArtifact", config: C, context: "Context") -> "Mapping[str, Verdict] | None":
        """Say what it would do with each layer of `artifact`, by its name; None if it does not go by layers.

        Nothing is changed and nothing is trained. Layers with weights that are left out count as shared.
        """
        return None

    def verdicts(self, report: "Report", facts: Json) -> list[str]:
        """Return what can be said only when everything is measured; `facts` are those of the outcome."""
        return []

    def output_name(self, stem: str, config: C) -> str:
        """Return the name of the result of a model with this stem."""
        return stem + (self.ending or f"-{self.name}.{self.gives}").format(config=config)


AnyTechnique: TypeAlias = Technique[Any]  # whatever its config is
