"""A strategy says where training runs: on one device, or on several, each with a copy of the model."""

import keras
import tensorflow as tf

from tfopt.config.fields import Config
from tfopt.config.fine_tuning import DistributedConfig
from tfopt.errors import InputError

MIRRORED = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)


def make_strategy(config: DistributedConfig) -> tf.distribute.Strategy:
    """Make the strategy that a config asks for.

    With `replicas` and without GPUs it makes as many logical devices of the CPU, for trying distribution out. They must
    be made before TensorFlow is first used in the process, and stay as long as it lives.

    Args:
        config: Whether training is distributed, and over how many replicas.

    Returns:
        The default strategy of this scope, or a MirroredStrategy over the visible GPUs or the CPU.

    Raises:
        InputError: There are fewer GPUs than replicas, or TensorFlow has started with fewer devices.
    """
    replicas = config.replicas
    if not config.distributed:
        return tf.distribute.get_strategy()
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")] if _gpus() else []
    if gpus:
        if replicas is not None and replicas > len(gpus):
            raise InputError(f"`replicas` {replicas} was asked for, but {len(gpus)} GPUs are visible")
        return tf.distribute.MirroredStrategy(gpus[:replicas])
    cpus = _logical_cpus(replicas or 1)
    # NCCL, the default, exists for GPUs only.
    return tf.distribute.MirroredStrategy(cpus, cross_device_ops=tf.distribute.ReductionToOneDevice())


def make_worker_strategy() -> tf.distribute.Strategy:
    """Make the strategy for the workers that `TF_CONFIG` names, each with all its GPUs or its CPU."""
    return tf.distribute.MultiWorkerMirroredStrategy()


def create_logical_devices(config: Config) -> None:
    """Create the logical devices that a distributed training needs, before anything else uses TensorFlow.

    Unlike all else that a call of the library changes they cannot be put back: TensorFlow keeps them to the end of the
    process.
    """
    if isinstance(config, DistributedConfig):
        make_strategy(config)


def replica_devices(strategy: tf.distribute.Strategy, model: keras.Model) -> list[str]:
    """Return the device of each replica's copy of the model, read from a trained variable.

    Of several workers all are taken to have the same devices.
    """
    variable = model.trainable_variables[0].value
    here = [tf.DeviceSpec.from_string(copy.device) for copy in strategy.experimental_local_results(variable)]
    workers = strategy.num_replicas_in_sync // len(here)
    if workers == 1:
        return [device.to_string() for device in here]
    return [device.replace(task=worker).to_string() for worker in range(workers) for device in here]


def _gpus() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _logical_cpus(count: int) -> list[str]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        if count > 1:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:  # TensorFlow has started; the devices it has may do
        pass
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(names) < count:
        raise InputError(
            f"{count} replicas need {count} logical CPU devices, which must be set up before TensorFlow is first used"
            f" in this process; there are {len(names)}"
        )
    return names[:count]
