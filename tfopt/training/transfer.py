"""Transfer learning: a trained model gets a new head and learns other data.

First only the head is trained, so that its random gradients do not spoil what the rest has learnt; then everything at
a tenth of that learning rate (Yosinski et al. 2014, arXiv:1411.1792). Batch normalizations stay as they are throughout:
the statistics of few new samples would be worse.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
from keras import layers

from tfopt.data.dataset import Dataset
from tfopt.distribution.replicated import replicated_model
from tfopt.distribution.sharding import distribute_batches
from tfopt.errors import InputError
from tfopt.graph.layer_names import named_layers
from tfopt.runtime.progress import Progress
from tfopt.tasks.registry import rules_for
from tfopt.training.batches import evaluation_batches, steps_per_epoch
from tfopt.training.checkpoint import RunFiles
from tfopt.training.config import TrainConfig
from tfopt.training.fit import FitResult, fit
from tfopt.training.plan import FitPlan

HEAD_FACTOR = 10  # a dense layer on features that do not change bears a higher learning rate
VALIDATION_BATCH = 256


@dataclass(frozen=True)
class TransferResult:
    """The history of both parts of a transfer as one, and what is to be said of it in the report."""

    result: FitResult
    notes: list[str]


def transfer(
    model: keras.Model, head: Sequence[keras.Layer], config: TrainConfig, data: Dataset, progress: Progress,
    files: RunFiles | None = None,
) -> TransferResult:  # fmt: skip
    """Train the new head and what is not frozen, then everything; keep the better of the two on validation.

    A model with random weights has nothing to keep: it is trained as a new one is.

    Args:
        model: The model with its new head, which is trained in place.
        head: The layers of the new head.
        config: What to freeze and how to train.
        data: The data set.
        progress: Is told of each step.
        files: Where the state of the run is saved, and resumed from.
    """
    if config.base_weights == "none":
        result = fit(model, data, FitPlan.of(config, len(data.train)), progress, files=files)
        return TransferResult(result, ["the weights began as random ones: all were trained together, none was frozen"])
    trunk = [(name, layer) for name, layer in named_layers(model) if layer.weights and layer not in head]
    frozen = frozen_layers(trunk, config.freeze)
    normalizations = {layer for _, layer in trunk if isinstance(layer, layers.BatchNormalization)}
    plan = FitPlan.of(config, len(data.train))
    before = {layer: layer.trainable for _, layer in trunk}
    try:
        _freeze(trunk, frozen | normalizations)
        head_plan = replace(plan, learning_rate=plan.learning_rate * HEAD_FACTOR)
        first = fit(model, data, head_plan, progress, files=files and files.part("head"))
        notes = [
            f"the new head trained for {len(first.history)} epochs with {len(frozen)} of {len(trunk)} layers frozen"
        ]
        epochs = plan.epochs if config.fine_tune is None else config.fine_tune
        if not epochs:
            return TransferResult(first, notes)
        frozen_weights, frozen_loss = model.get_weights(), _validation_loss(model, data)
        _freeze(trunk, normalizations)
        second = fit(model, data, replace(plan, epochs=epochs), progress, files=files)
    finally:
        for layer, trainable in before.items():
            layer.trainable = trainable
    combined = replace(
        second,
        history=[*first.history, *second.history],
        best_epoch=len(first.history) + second.best_epoch,
        steps=first.steps + second.steps,
    )
    if _validation_loss(model, data) < frozen_loss:
        notes.append(f"then everything for {len(second.history)} epochs at a learning rate of {plan.learning_rate:g}")
        return TransferResult(combined, notes)
    model.set_weights(frozen_weights)
    notes.append("training everything after that did not lower the validation loss: the frozen weights are kept")
    return TransferResult(replace(combined, best_epoch=first.best_epoch), notes)


def frozen_layers(trunk: Sequence[tuple[str, keras.Layer]], freeze: str) -> set[keras.Layer]:
    """Return the layers that keep their weights.

    Args:
        trunk: The layers with weights below the head, by name.
        freeze: "all", the number of the first layers to take, or a regular expression for their names.

    Raises:
        InputError: It is neither of these, or no name matches.
    """
    if freeze == "all":
        return {layer for _, layer in trunk}
    if freeze.isdigit():
        return {layer for _, layer in trunk[: int(freeze)]}
    try:
        found = {layer for name, layer in trunk if re.search(freeze, name)}
    except re.error as error:
        raise InputError(f"`freeze` {freeze} is neither a number, nor all, nor a regular expression: {error}") from None
    if not found:
        names = ", ".join(name for name, _ in trunk[:5])
        raise InputError(f"`freeze` {freeze} matches no layer; the first are {names}")
    return found


def _freeze(trunk: Sequence[tuple[str, keras.Layer]], frozen: set[keras.Layer]) -> None:
    for _, layer in trunk:
        layer.trainable = layer not in frozen


def _validation_loss(model: keras.Model, data: Dataset) -> float:
    """Measure the validation loss without penalties: of those the second part has more, with more to train."""
    encode = rules_for(data).encoder(model.loss, model.output_shape[-1])
    inputs, y = data.validation.inputs, encode(data.validation.y)
    evaluated = replicated_model(model)
    if evaluated is not model:
        evaluated.compile(loss=model.loss)
    batches = distribute_batches(lambda shard: evaluation_batches(inputs, y, batch_size=VALIDATION_BATCH, shard=shard))
    steps = steps_per_epoch(len(y), VALIDATION_BATCH)
    return float(evaluated.evaluate(batches, steps=steps, verbose=0, return_dict=True)["loss"])
