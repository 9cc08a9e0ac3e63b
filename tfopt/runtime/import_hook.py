"""Keras learns of the layers of tfopt as soon as both are imported, in whichever order, and not before.

A `.keras` file names its layers, and Keras finds those that are registered. Importing tfopt must not load Keras, which
takes seconds, so the registration waits until somebody else does.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

LAYERS = "tfopt.techniques.binarization.packed_layer"


def register_layers() -> None:
    """Register now if Keras is there, else when it is imported."""
    if "keras" in sys.modules:
        importlib.import_module(LAYERS)
    else:
        sys.meta_path.insert(0, _KerasFinder())


class _KerasFinder(MetaPathFinder):
    """Finds Keras as it would be found without this, and has the layers imported after it."""

    def __init__(self) -> None:
        self._asking_others = False

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return the spec of Keras; None for whatever else is imported."""
        if name != "keras" or self._asking_others:
            return None
        self._asking_others = True
        try:
            spec = find_spec(name)
        finally:
            self._asking_others = False
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader, self)
        return spec


class _RegisteringLoader(Loader):
    """Loads as the loader given does, then imports the layers."""

    def __init__(self, loader: Loader, finder: MetaPathFinder) -> None:
        self.loader = loader
        self.finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as the loader does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module as the loader does; then import the layers."""
        self.loader.exec_module(module)
        sys.meta_path.remove(self.finder)
        importlib.import_module(LAYERS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)
