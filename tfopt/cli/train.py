"""`tfopt train`: a new model from an architecture and a data set, or from another model."""

import contextlib
from pathlib import Path
from typing import Annotated

from tfopt.cli.command import command
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.config.run import TargetConfig
from tfopt.data.config import DataConfig
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.errors import InputError, OutputError
from tfopt.training.config import CheckpointConfig, TrainConfig
from tfopt.typing import Options


def _together(_: type[Config], given: Options) -> Options | None:
    """Read N, HOST:PORT,... or env; None if there is one process."""
    from tfopt.distribution.workers.addresses import parse_workers

    if "rank" in given and "workers" not in given:
        raise InputError(f"`rank` {given['rank']} needs `workers` HOST:PORT,...")
    parsed = parse_workers(str(given["workers"]), given.get("rank")) if "workers" in given else None
    return parsed and given | dict(zip(("workers", "rank"), parsed, strict=True))


@command
def train(
    out: Output,
    config: TrainConfig,
    data: DataConfig,
    workers: Annotated[WorkersConfig | None, Fields(WorkersConfig, adjust=_together)],
    target: TargetConfig,
    run: CheckpointConfig,
) -> None:
    """Train a new model and write it with the data set it remembers.

    Examples:
        tfopt train
        tfopt train --arch mlp --data fashion_mnist -o fashion.keras
        tfopt train --size base --augment crop,rotate --decay cosine --label-smoothing 0.1
        tfopt train --from base.keras --data mine.npz
        tfopt train --data reviews.csv --text review --label stars
        tfopt train --data power.csv --window 96 --horizon 24
        tfopt train --distributed --replicas 2 --epochs 5
        tfopt train --workers 2
        tfopt train --workers node1:2222,node2:2222 --rank 0
    """
    from tfopt.core.destination import Destination

    destination = Destination(target.output or "model.keras", suffix=".keras", force=target.force)
    checkpoint = _checkpoint_folder(destination.path, go_on=run.resume or target.force)
    out.load_tensorflow()
    from tfopt import api
    from tfopt.training.checkpoint import RunFiles, remove_checkpoint

    out.on_failure = "the same command with --resume goes on from the last checkpoint"
    asked = config.model_dump(mode="json") | data.model_dump(mode="json")
    files = RunFiles(checkpoint, asked, run.resume, run.checkpoint_steps, run.tensorboard)
    follows = bool(workers and workers.rank)  # another process writes
    with contextlib.nullcontext() if follows else destination.held():
        result = api.train(config, data, files=files, name=str(destination.path), progress=out, workers=workers)
        if workers and workers.rank:
            out.say(f"worker {workers.rank} of {workers.count} is done; worker 0 writes the model")
            return
        report = destination.save(result.artifact.payload, out.flags.translate_record(result.report))
        for folder in files.folders:
            remove_checkpoint(folder)
    out.report(report, written=destination.written)


def _checkpoint_folder(model: Path, *, go_on: bool) -> Path:
    """Return where the run that makes `model` keeps its state; raise `OutputError` if another one's is there."""
    folder = model.with_name(model.name + ".checkpoint")
    stopped = any(folder.with_name(folder.name + part).joinpath("state.json").exists() for part in ("", "-head"))
    if stopped and not go_on:
        raise OutputError(f"{folder} holds a run that was stopped; use `resume` to go on or `force` to start over")
    return folder
