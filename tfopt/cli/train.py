"""`tfopt train`: a new model from an architecture and a data set, or from another model."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.cli import data_options, distribution, options
from tfopt.cli import training_options as training
from tfopt.cli.output import Output
from tfopt.core.destination import Destination
from tfopt.errors import OutputError
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.core.result import Result
    from tfopt.distribution.workers.config import WorkersConfig
    from tfopt.training.checkpoint import RunFiles

EXAMPLES = """Examples:

  tfopt train

  tfopt train --arch mlp --data fashion_mnist -o fashion.keras

  tfopt train --size base --augment crop,rotate --decay cosine --label-smoothing 0.1

  tfopt train --from base.keras --data mine.npz

  tfopt train --data reviews.csv --text review --label stars

  tfopt train --data power.csv --window 96 --horizon 24

  tfopt train --distributed --replicas 2 --epochs 5

  tfopt train --workers 2

  tfopt train --workers node1:2222,node2:2222 --rank 0"""


@data_options.with_data
def train(
    data: Options,
    arch: training.ArchOption = None,
    size: training.SizeOption = "small",
    width: training.Width = None,
    depth: training.Depth = None,
    dropout: training.Dropout = None,
    residual: training.Residual = False,
    blocks: training.Blocks = 1,
    cell: training.CellOption = "lstm",
    bidirectional: training.Bidirectional = False,
    parts: training.PartsOption = "rnn",
    heads: training.Heads = None,
    epochs: options.Epochs = 30,
    batch_size: options.BatchSize = 64,
    learning_rate: options.LearningRate = 1e-3,
    patience: options.Patience = 10,
    seed: options.Seed = 0,
    decay: training.DecayOption = "constant",
    warmup: training.Warmup = 0.0,
    augment: training.Augment = None,
    l1: training.L1 = 0.0,
    l2: training.L2 = 0.0,
    weight_decay: training.WeightDecay = 0.0,
    label_smoothing: training.LabelSmoothing = 0.0,
    class_weights: training.ClassWeights = False,
    clip_norm: training.ClipNorm = None,
    mixed_precision: training.MixedPrecision = False,
    jit: training.Jit = False,
    base: training.From = None,
    base_weights: training.FromWeights = None,
    freeze: training.Freeze = "all",
    fine_tune: training.FineTune = None,
    distributed: distribution.Distributed = False,
    replicas: distribution.Replicas = None,
    scale_lr: distribution.ScaleLr = False,
    workers: distribution.Workers = None,
    rank: distribution.Rank = None,
    max_restarts: distribution.MaxRestarts = 3,
    worker_timeout: distribution.WorkerTimeout = 300.0,
    output: options.Output = None,
    force: options.Force = False,
    resume: options.Resume = False,
    checkpoint_steps: distribution.CheckpointSteps = None,
    tensorboard: options.TensorBoard = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Train a new model and write it with the data set it remembers."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.data.config import DataConfig
        from tfopt.training.config import TrainConfig

        config = TrainConfig(
            arch=arch, size=size, width=width, depth=depth, dropout=dropout, residual=residual, blocks=blocks,
            cell=cell, bidirectional=bidirectional, parts=parts, heads=heads, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, patience=patience, seed=seed, decay=decay, warmup=warmup,
            augment=training.augmentations(augment), l1=l1, l2=l2, weight_decay=weight_decay,
            label_smoothing=label_smoothing, class_weights=class_weights, clip_norm=clip_norm,
            mixed_precision=mixed_precision, jit=jit, base=base, base_weights=base_weights, freeze=freeze,
            fine_tune=fine_tune, scale_lr=scale_lr, **distribution.spread(distributed, replicas),
        )  # fmt: skip
        source = DataConfig.model_validate(data)
        together = distribution.workers_config(workers, rank, max_restarts, worker_timeout)
        destination = Destination(output or "model.keras", suffix=".keras", force=force)
        checkpoint = _checkpoint_folder(destination, resume=resume, force=force)
        out.load_tensorflow()
        from tfopt import api
        from tfopt.training.checkpoint import RunFiles

        out.on_failure = "the same command with --resume goes on from the last checkpoint"
        run = config.model_dump(mode="json") | source.model_dump(mode="json")
        files = RunFiles(checkpoint, run, resume, checkpoint_steps, tensorboard)
        follows = bool(together and together.rank)  # another process writes
        with contextlib.nullcontext() if follows else destination.held():
            result = api.train(config, source, files=files, name=destination.path.name, progress=out, workers=together)
            _finish(out, result, destination, files, together)


def _finish(
    out: Output, result: "Result", destination: Destination, files: "RunFiles", together: "WorkersConfig | None"
) -> None:
    """Write the model and forget the checkpoint; of several workers only the first does."""
    if together and together.rank:
        out.say(f"worker {together.rank} of {together.count} is done; worker 0 writes the model")
        return
    from tfopt.training.checkpoint import remove_checkpoint

    report = destination.save(result.artifact.payload, result.report)
    for folder in files.folders:
        remove_checkpoint(folder)
    out.report(report, written=destination.written)


def _checkpoint_folder(destination: Destination, *, resume: bool, force: bool) -> Path:
    folder = destination.path.with_name(destination.path.name + ".checkpoint")
    stopped = any(folder.with_name(folder.name + part).joinpath("state.json").exists() for part in ("", "-head"))
    if stopped and not resume and not force:
        raise OutputError(f"{folder} holds a run that was stopped; use --resume to go on or --force to start over")
    return folder
