"""Who the workers are: what `--workers` says, or the environment in which a cluster starts its processes."""

import json
import os
import socket
import time
from collections.abc import Mapping

from tfopt.distribution.workers.config import ADDRESS
from tfopt.errors import InputError

ENVIRONMENT = "env"
SLURM_PORT = 8888  # of the first task on a host
SLURM_TASKS = 1024  # on a host, more than there can be
POLL = 0.2  # seconds; much less than a worker takes to load TensorFlow
Workers = int | tuple[str, ...]


def parse_workers(text: str, rank: int | None) -> tuple[Workers, int | None]:
    """Read what `--workers` says.

    Args:
        text: N, HOST:PORT,... or env, which is `TF_CONFIG` or the variables of a Slurm step.
        rank: What `--rank` says.

    Returns:
        How many workers there are or their addresses, and the rank of this process, None if it was not given.

    Raises:
        InputError: If the environment does not say who they are.
    """
    if text == ENVIRONMENT:
        if rank is not None:
            raise InputError("`rank` is in the environment with `workers` env: leave it out")
        return from_environment(os.environ)
    if text.strip().isdigit():
        return int(text), rank
    return tuple(part.strip() for part in text.split(",")), rank


def from_environment(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """Read who the workers are from the variables that a cluster sets.

    Args:
        environment: The variables.

    Returns:
        Addresses, the chief's first, and the rank of this process.

    Raises:
        InputError: If the variables are not there or do not say it.
    """
    if "TF_CONFIG" in environment:
        return _from_tf_config(environment["TF_CONFIG"])
    if "SLURM_PROCID" in environment:
        return _from_slurm(environment)
    raise InputError(
        "`workers` env finds neither TF_CONFIG nor the variables of a Slurm step; name them: `workers` HOST:PORT,..."
    )


def _from_tf_config(text: str) -> tuple[tuple[str, ...], int]:
    try:
        config = json.loads(text)
        cluster: dict[str, list[str]] = config["cluster"]
        kind, index = config["task"]["type"], int(config["task"]["index"])
        chiefs, workers = list(cluster.get("chief", [])), list(cluster.get("worker", []))
        addresses = [str(address) for address in (*chiefs, *workers)]
        rank = index if kind == "chief" else len(chiefs) + index
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"TF_CONFIG has no cluster and task: {text[:200]}") from None
    others = sorted(set(cluster) - {"chief", "worker"})
    if others or kind not in ("chief", "worker"):
        raise InputError(
            f"TF_CONFIG has tasks of type {', '.join(others or [kind])}; only chief and worker train together"
        )
    return tuple(addresses), rank


def _from_slurm(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """Addresses in the order of the hosts' names, and where this task is among them.

    TensorFlow's resolver sorts names as text, node10 before node2, so that the rank from Slurm would be another's. It
    would also divide the GPUs of a node among its tasks, which Slurm does, and fails where there are none.
    """
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=SLURM_PORT, gpus_per_node=SLURM_TASKS, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = tuple(resolver.cluster_spec().job_tasks("worker"))
        own = f"{environment['SLURMD_NODENAME']}:{SLURM_PORT + int(environment['SLURM_LOCALID'])}"
        return addresses, addresses.index(own)
    except KeyError as missing:
        reason = f"{missing.args[0]} is missing"
    except (RuntimeError, ValueError) as error:
        reason = str(error)
    raise InputError(f"the variables of this Slurm step say not who the workers are: {reason}")


def free_ports(count: int) -> tuple[str, ...]:
    """Return so many addresses on this machine that nobody listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = tuple(f"127.0.0.1:{listener.getsockname()[1]}" for listener in listeners)
    for listener in listeners:
        listener.close()
    return addresses


def check_port(address: str, rank: int) -> None:
    """Raise `InputError` if the port of this process's address is taken on this machine."""
    port = int(address.rpartition(":")[2])
    try:
        socket.create_server(("", port)).close()
    except OSError:
        raise InputError(port_taken_message(address, rank)) from None


def port_taken_message(address: str, rank: int) -> str:
    """Say in a sentence that the port of a worker is taken."""
    return (
        f"the port of {address}, where rank {rank} is to be, is taken on this machine: does another worker run with"
        f" `rank` {rank}, or another program?"
    )


def wait_until_gone(addresses: tuple[str, ...], rank: int, seconds: float) -> None:
    """Wait until nobody answers at the other addresses, for so many seconds at most.

    A worker that is started again must not meet one of those that are still in the training that has failed.
    """
    until = time.monotonic() + seconds
    while len(unreachable(addresses, rank)) < len(addresses) - 1 and time.monotonic() < until:
        time.sleep(POLL)


def unreachable(addresses: tuple[str, ...], rank: int) -> list[str]:
    """Return those of the other addresses at which nobody answers."""
    found = []
    for address in addresses[:rank] + addresses[rank + 1 :]:
        match = ADDRESS.fullmatch(address)
        assert match is not None
        try:
            socket.create_connection((match[1].strip("[]"), int(match[2])), timeout=2).close()
        except OSError:
            found.append(address)
    return found
