"""Make Keras models smaller and faster, and tell the truth about what that cost.

    result = tfopt.prune("model.keras", tfopt.PruneConfig(sparsity=0.5))
    result.artifact.save("model-pruned.keras")

The public names stand in `__init__.pyi`, each with its module. Importing tfopt does not import TensorFlow; the first
use of a name does.
"""

import lazy_loader

from tfopt.runtime.import_hook import register_layers

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("tfopt")
    if name not in __all__:
        raise AttributeError(f"module 'tfopt' has no attribute {name!r}")
    return _load(name)


register_layers()
