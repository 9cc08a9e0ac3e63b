"""Binarization by training with rounded weights, the float model as teacher."""

import keras
from keras import ops

from tfopt.core.outcome import Training
from tfopt.data.dataset import Dataset
from tfopt.distribution.replicated import synchronize_batch_norm
from tfopt.distribution.strategies import make_strategy
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.graph.kernels import find_kernels, update_kernel
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import LayerCopies, rebuild
from tfopt.graph.replay import Call
from tfopt.runtime.progress import Progress
from tfopt.tasks.losses import loss_of, soft_loss
from tfopt.tasks.registry import rules_for
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_changes import RoundedModel
from tfopt.techniques.binarization.layer_plan import Plan
from tfopt.techniques.binarization.sign_activations import Sign, replaceable, with_signs
from tfopt.techniques.binarization.straight_through import Latent, wrapped
from tfopt.techniques.rounding.scales import nearest
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.teacher import load_teacher
from tfopt.typing import Tensor


def train_rounded(
    artifact: KerasArtifact, chosen: Plan, config: BinarizeConfig, data: Dataset, progress: Progress
) -> RoundedModel:
    """Train a copy with rounded kernels; normalizations are folded afterwards: a factor a channel changes no sign."""
    loss = soft_loss(loss_of(artifact.model, rules_for(data)))
    hears = rules_for(data).takes_soft_targets(loss, artifact.output_shapes()[0][-1] or 1)
    teacher = load_teacher(config, artifact, data) if hears or config.teacher != "self" else None
    notes = []
    signs: frozenset[str] = frozenset()
    with make_strategy(config).scope():
        model = rebuild(artifact.model, artifact.name)
        if config.activations:
            signs = frozenset(replaceable(model, set(chosen.binarized)))
            notes.append(
                f"signs in place of {len(signs)} activations: {', '.join(sorted(signs)) or 'none can be replaced'}"
            )
            model = with_signs(model, artifact.name, signs, Sign())
        latents = _latents(model, chosen, config)
        training = wrapped(model, latents)
        training.compile(loss=loss_of(artifact.model, rules_for(data)))
        plan_ = FitPlan(
            config.most_epochs,
            config.samples_a_step,
            config.rate,
            config.seed,
            decay="cosine",
            metric=config.metric,
        )
        with synchronize_batch_norm([layer for _, layer in named_layers(model)]):
            result = fit(training, data, plan_, progress, teacher=teacher)
        for latent in latents:
            latent.weight.assign(latent.rounded())
    best = f"epoch {result.best_epoch + 1}{plan_.chosen_by}"
    notes.append(f"trained for {len(result.history)} epochs, the weights are those of {best}")
    notes += [teacher.note] if teacher else []
    plain, pairs = fold_batch_norms(model, artifact.name)
    for name, layer in named_layers(plain):
        for kernel in find_kernels(layer) if name in chosen.levels else ():
            if chosen.levels[name] == "int8" or kernel.depthwise:
                update_kernel(layer, kernel, lambda matrix: nearest(matrix, "int8"))
    how = Training([plan_.lasting(len(result.history))], teacher)
    return RoundedModel(_without_sign_layers(plain, artifact.name), pairs, signs, notes, result.history, how)


def _latents(model: keras.Model, chosen: Plan, config: BinarizeConfig) -> list[Latent]:
    layers = dict(named_layers(model))
    return [
        Latent(layers[name].weights[kernel.position], config.mode, kernel.axes)
        for name in chosen.binarized
        for kernel in find_kernels(layers[name])
        if not kernel.depthwise
    ]


def _without_sign_layers(model: keras.Model, title: str) -> keras.Model:
    """The model with `keras.ops.sign` for the layers that were there to be trained."""

    def visit(call: Call, copies: LayerCopies) -> Tensor:
        return ops.sign(call.first) if isinstance(call.operation, Sign) else copies.call(call)

    return rebuild(model, title, visit)
