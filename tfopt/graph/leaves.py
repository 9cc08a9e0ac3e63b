"""The layers of a model as every technique walks and names them."""

from collections.abc import Iterator

import keras


def leaves(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yield the layers of a model with their names, those of nested models as `nested/layer`."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def first_names(model: keras.Model) -> dict[int, str]:
    """For the `id` of each layer the first of its names: a layer may be in several nested models."""
    names: dict[int, str] = {}
    for name, layer in leaves(model):
        names.setdefault(id(layer), name)
    return names
