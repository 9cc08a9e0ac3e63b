"""What a search may try: every option is one of a training, and every point a model that can be built."""

import itertools
from typing import get_args

import optuna
import pytest

from tfopt.config.choices import Arch
from tfopt.models.architectures import FOR_MAPS, KINDS, check_architecture
from tfopt.models.signature import Signature
from tfopt.training.config import TrainConfig
from tfopt.tuning.config import TuneConfig
from tfopt.tuning.search_space import AUGMENTATION, MODEL, TRAINING, Choice, Range, Space, train_config
from tfopt.tuning.study import silenced

MLP = Space(("mlp",), "image", "classification", coarse=False)
BOTH = Space(("cnn", "mlp"), "image", "classification", coarse=False)


@pytest.fixture(autouse=True)
def quiet_optuna():
    with silenced():
        yield


def test_every_architecture_has_options_and_each_is_one_of_a_training():
    assert set(MODEL) == set(get_args(Arch))
    for option in [*TRAINING, *AUGMENTATION.values(), *(option for options in MODEL.values() for option in options)]:
        assert option.name in TrainConfig.model_fields
        if isinstance(option, Choice):
            for value in option.values:
                train_config(TuneConfig(), {option.name: value})


def test_a_grid_has_few_values_of_few_options_within_their_limits():
    space = MLP._replace(coarse=True)
    points = space.grid()
    axes = dict(space.options("mlp"))
    assert len(points) == 3 * 2 * 2 * 2 * 2
    assert sorted({point["learning_rate"] for point in points}) == [1e-4, 1e-3, 1e-2]
    assert {(point["width"], point["depth"]) for point in points} == set(itertools.product((32, 512), (1, 4)))
    for point in points:
        assert point.keys() == axes.keys()
        assert all(
            axes[key].low <= value <= axes[key].high for key, value in point.items() if isinstance(axes[key], Range)
        )


def test_of_several_architectures_only_the_options_of_the_chosen_one_are_asked_for():
    fixed = {"learning_rate": 0.00123456, "batch_size": 32, "decay": "cosine", "dropout": 0.1, "weight_decay": 1e-3}
    fixed |= {"l2": 1e-4, "augment": "flip+crop", "arch": "mlp", "mlp.width": 48, "mlp.depth": 3}
    point = BOTH.suggested(optuna.trial.FixedTrial(fixed))
    config = train_config(TuneConfig(epochs=7, seed=3), point)
    assert (config.arch, config.width, config.depth, config.learning_rate) == ("mlp", 48, 3, 0.00123)
    assert (config.augment, config.epochs, config.seed) == (("flip", "crop"), 7, 3)
    assert len(BOTH._replace(coarse=True).grid()) == 2 * len(MLP._replace(coarse=True).grid())


@pytest.mark.parametrize("arch", get_args(Arch))
def test_whatever_is_drawn_is_a_model_that_can_be_built(arch):
    kind = KINDS[arch][0]
    task = "segmentation" if arch in FOR_MAPS else "classification"
    signature = Signature(kind, task, ((8, 8),), (8, 8, 10) if arch in FOR_MAPS else (10,))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(30):
        config = train_config(TuneConfig(), Space((arch,), kind, task, coarse=False).suggested(study.ask()))
        check_architecture(config, arch, signature)
        assert (config.width or 0) % (config.heads or 1) == 0


def test_a_penalty_in_the_loss_is_not_searched_where_the_loss_is_the_judge():
    names = [{name for name, _ in MLP._replace(task=task).options("mlp")} for task in ("regression", "translation")]
    assert names[0] - names[1] == {"l2"}
