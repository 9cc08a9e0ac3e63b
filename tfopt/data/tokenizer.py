"""Texts become the inputs of a KerasHub model by its own preprocessor: WordPiece, byte pairs or SentencePiece.

The preprocessor is kept as Keras writes it, with the files of its vocabulary, so that it travels with the model.
"""

import base64
from collections.abc import Sequence
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from tfopt.data.stored_arrays import RowCollector
from tfopt.errors import InputError
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.typing import Array, Json
from tfopt.untrusted.configs import check_config
from tfopt.untrusted.hub_classes import import_hub

FILE = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]  # a name that leads nowhere else
TITLE = "the tokenizer of the model"
AT_ONCE = 1000  # texts


class HubTokenizer(BaseModel):
    """Turns texts into an array (N, length) for each input of a model.

    Attributes:
        preprocessor: The configuration of KerasHub's preprocessor.
        assets: The files of its vocabulary, by their names.
        inputs: The names of the model's inputs, in their order.
        length: The tokens that a text becomes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    preprocessor: Json
    assets: dict[FILE, Base64Bytes]
    inputs: tuple[str, ...]
    length: int

    @classmethod
    def of(cls, preprocessor: Any, inputs: Sequence[str]) -> Self:
        """Take the preprocessor of a task whose model has these `inputs`."""
        import keras

        with temporary_folder() as folder:
            preprocessor.tokenizer.save_assets(str(folder))
            assets = {path.name: base64.b64encode(path.read_bytes()) for path in sorted(folder.iterdir())}
        config = keras.saving.serialize_keras_object(preprocessor)
        return cls(preprocessor=config, assets=assets, inputs=inputs, length=preprocessor.sequence_length)

    @cached_property
    def _keras(self) -> Any:
        """The preprocessor; the model may be a stranger's, so it is checked like one."""
        import keras

        check_config(self.preprocessor, TITLE)
        hub = import_hub(TITLE)
        try:
            made = keras.saving.deserialize_keras_object(deepcopy(self.preprocessor), safe_mode=True)  # it is changed
            if not isinstance(made, hub.models.Preprocessor):
                raise InputError(f"{TITLE} is a {type(made).__name__}, not a preprocessor of KerasHub")
            with temporary_folder() as folder:
                for name, content in self.assets.items():
                    Path(folder, name).write_bytes(content)
                made.tokenizer.load_assets(str(folder))
        except InputError:
            raise
        except Exception as error:  # KerasHub, SentencePiece and tokenizers raise whatever they stumble over
            raise InputError(f"{TITLE} is damaged: {' '.join(str(error).split())[:200]}") from error
        return made

    @property
    def size(self) -> int:
        """The number of token ids."""
        return int(self._keras.tokenizer.vocabulary_size())

    def __call__(self, texts: Sequence[str] | Array) -> tuple[Array, ...]:
        """Return an int32 array (N, length) for each input; the end of a text that is longer is cut off."""
        if not len(texts):
            return tuple(np.zeros((0, self.length), np.int32) for _ in self.inputs)
        found = {name: RowCollector() for name in self.inputs}
        for start in range(0, len(texts), AT_ONCE):
            part = self._keras([str(text) for text in texts[start : start + AT_ONCE]])
            for name, collector in found.items():
                collector.append(np.asarray(part[name], np.int32))
        return tuple(collector.finish() for collector in found.values())
