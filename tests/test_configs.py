"""Configs: whatever is wrong with one is a sentence that names the argument; every field explains itself."""

import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest

import tfopt
from tfopt.config.fields import Config
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.errors import ConfigError
from tfopt.training.config import CheckpointConfig

CONFIGS = [tfopt.Gates, WorkersConfig, CheckpointConfig]
CONFIGS += [getattr(tfopt, name) for name in dir(tfopt) if name.endswith("Config") and name != "Config"]
NEEDED = {WorkersConfig: {"workers": 2}}
WRONG = {
    tfopt.BinarizeConfig: ({"mode": "unary"}, "`mode` unary"),
    tfopt.BuildConfig: ({"depth": 0}, "`depth` 0 is out of range"),
    tfopt.ClusterConfig: ({"clusters": 1}, "`clusters` 1 is out of range: input should be greater than or equal to 2"),
    tfopt.DataConfig: ({"validation": 1}, "`validation` 1 is out of range: input should be less than 1"),
    tfopt.DistillConfig: ({"student": "cnn:huge"}, "`student` cnn:huge is neither a model file nor an architecture"),
    tfopt.FloatConfig: ({"batch": -1}, "`batch` -1 is out of range"),
    tfopt.FolderConfig: ({"resume": "perhaps"}, "`resume` perhaps is out of range"),
    tfopt.Gates: ({"max_size": "huge"}, "`max_size` huge is out of range"),
    tfopt.CheckConfig: ({"ram": 0}, "`ram` 0 is out of range"),
    tfopt.OptimizeConfig: ({"goal": "speed"}, "`goal` speed is not known; there are size, latency, ram, flash, macs"),
    tfopt.PackConfig: ({"max_size": -1}, "`max_size` -1 is out of range"),
    tfopt.PruneConfig: ({"sparsity": 1.5}, "`sparsity` 1.5 is more than the whole; did you mean 1.5%?"),
    tfopt.QatConfig: ({"layer_bits": {"a": 5}}, "`layer_bits`"),
    tfopt.QuantizeConfig: ({"max_drop": float("nan")}, "`max_drop` nan is out of range"),
    CheckpointConfig: ({"checkpoint_steps": 0}, "`checkpoint_steps` 0 is out of range"),
    tfopt.ShootoutConfig: ({"archs": ()}, "`archs` is empty: a ShootoutConfig has at least one"),
    tfopt.StructuredConfig: (
        {"importance": "luck"},
        "`importance` luck is not known; there are reconstruction, l1, l2, bn-scale",
    ),
    tfopt.TrainConfig: ({"learning_rate": 0}, "`learning_rate` 0 is out of range"),
    tfopt.TuneConfig: ({"parallel": 65}, "`parallel` 65 is out of range"),
    WorkersConfig: ({"workers": 1}, "`workers` 1 is out of range"),
}
AT_ODDS = [
    (tfopt.BinarizeConfig, {"post_training": True, "epochs": 3}, "`post_training` does not train: leave out `epochs`"),
    (tfopt.BuildConfig, {"blocks": 2}, "`blocks` 2 needs `residual`"),
    (tfopt.ClusterConfig, {"teacher_weight": 0.5}, "`teacher_weight` 0.5 needs `teacher`"),
    (tfopt.DistillConfig, {"replicas": 2}, "`replicas` needs `distributed`"),
    (tfopt.FolderConfig, {"resume": True, "force": True}, "`resume` goes on with a run and `force` begins anew"),
    (tfopt.PruneConfig, {"pattern": "5:4"}, "`pattern` 5:4 must leave some weights"),
    (tfopt.PruneConfig, {"pattern": "2:4", "sparsity": 0.8}, "is a sparsity of 0.5; leave out `sparsity`"),
    (tfopt.QatConfig, {"distributed": True, "replicas": 99}, "`batch_size` 64 is global and must give each of 99"),
    (tfopt.QuantizeConfig, {"precision": "float16", "io": "int8"}, "`io` int8 needs `precision` int8"),
    (tfopt.ShootoutConfig, {"parameters": 9, "seconds": 9}, "`parameters` and `seconds` are two budgets"),
    (tfopt.StructuredConfig, {"amount": 0.5, "target_macs": 0.5}, "`amount` and `target_macs` exclude each other"),
    (tfopt.TrainConfig, {"jit": True, "distributed": True}, "`jit` is not there with `distributed`"),
    (WorkersConfig, {"workers": ("a:1", "b:2"), "rank": 7}, "`rank` 7 is none of them"),
]


def told(build):
    with pytest.raises(tfopt.InputError) as error:
        build()
    assert isinstance(error.value, ConfigError)
    assert "\n" not in str(error.value)
    return error.value


@pytest.mark.parametrize("kind", CONFIGS)
def test_each_config_has_a_wrong_value_here(kind):
    assert kind in WRONG


@pytest.mark.parametrize("kind", CONFIGS)
class TestEveryWay:
    """The constructor, a dict and JSON: the same sentence."""

    def test_a_value_out_of_range(self, kind):
        fields, words = WRONG[kind]
        assert words in str(told(lambda: kind(**fields)))
        assert words in str(told(lambda: kind.model_validate(fields)))
        assert told(lambda: kind(**fields)).field == next(iter(fields))

    def test_a_field_that_there_is_not(self, kind):
        error = told(lambda: kind(**NEEDED.get(kind, {}), colour="red"))
        assert str(error).startswith(f"{kind.__name__} has no `colour`: it has {next(iter(kind.model_fields))}, ")
        assert error.field == "colour"
        assert "has no `colour`" in str(told(lambda: kind.model_validate({**NEEDED.get(kind, {}), "colour": 1})))
        assert told(lambda: kind.model_validate_json('{"colour": 1}'))

    def test_a_near_miss(self, kind):
        name = max(kind.model_fields, key=len)
        error = told(lambda: kind(**NEEDED.get(kind, {}), **{f"{name}s": 1}))
        assert f"has no `{name}s`: did you mean `{name}`?" in str(error)

    @pytest.mark.parametrize("given", ["text", 5, None, [1]])
    def test_what_is_no_dict(self, kind, given):
        assert f"a {kind.__name__} cannot be made of this" in str(told(lambda: kind.model_validate(given)))

    def test_what_is_no_json(self, kind):
        assert f"a {kind.__name__} cannot be made of this" in str(told(lambda: kind.model_validate_json("{")))

    def test_every_field_explains_itself_and_the_schema_says_so(self, kind):
        schema = kind.model_json_schema()["properties"]
        for name, field in kind.model_fields.items():
            assert field.description, name
            assert schema[name]["description"] == field.description
            assert "--" not in field.description, name

    def test_it_can_be_pickled_and_comes_back_from_its_json(self, kind):
        config = kind(**NEEDED.get(kind, {}))
        assert pickle.loads(pickle.dumps(config)) == config
        assert kind.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(("kind", "fields", "words"), AT_ODDS)
def test_fields_that_do_not_go_together(kind, fields, words):
    error = told(lambda: kind(**fields))
    assert words in str(error)
    assert error.field in kind.model_fields
    assert words in str(told(lambda: kind.model_validate(fields)))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: tfopt.PruneConfig(structured="filters"), "PruneConfig has no `structured`; StructuredConfig has it"),
        (lambda: tfopt.QuantizeConfig(layer_bits={}), "QuantizeConfig has no `layer_bits`; QatConfig has it"),
        (lambda: tfopt.ClusterConfig(sparsity=0.5), "ClusterConfig has no `sparsity`; PruneConfig has it"),
        (lambda: tfopt.FloatConfig(weights="int4"), "FloatConfig has no `weights`; QatConfig, QuantizeConfig have it"),
        (lambda: WorkersConfig(), "WorkersConfig needs `workers`"),
    ],
)
def test_the_config_that_has_the_field_is_named(build, words):
    assert str(told(build)) == words


def test_a_config_within_another_names_the_inner_field():
    inner = {"training": {"epochs": 0}}
    for build in (lambda: tfopt.ShootoutConfig(**inner), lambda: tfopt.ShootoutConfig.model_validate(inner)):
        assert str(told(build)).startswith("`epochs` 0 is out of range")
    assert "has no `epoch`" in str(told(lambda: tfopt.ShootoutConfig(training={"epoch": 1})))


def test_a_student_is_named_as_on_the_command_line_or_is_a_file():
    assert tfopt.DistillConfig(student="rnn").student.size == "tiny"
    assert tfopt.DistillConfig(student="cnn:base").student.arch == "cnn"
    assert tfopt.DistillConfig(student="small.keras").student == Path("small.keras")


def test_shares_and_times_are_written_as_on_the_command_line():
    assert tfopt.PruneConfig(sparsity="80%").sparsity == tfopt.PruneConfig(sparsity="0.8").sparsity == 0.8
    assert tfopt.Gates(max_drop="0.5%").max_drop == 0.005
    assert tfopt.TuneConfig(timeout="1.5h").timeout == 5400
    assert tfopt.TuneConfig(timeout=90).timeout == 90
    assert str(told(lambda: tfopt.PruneConfig(sparsity="half"))).startswith("`sparsity` half is not a share; write")
    assert str(told(lambda: tfopt.TuneConfig(timeout="5 days"))).startswith("`timeout` 5 days is not a time; write")


@pytest.mark.parametrize("share", ["N:M", "0:4", "4:4", "5:4", "2:4:1", "block:0x1"])
def test_a_pattern_that_is_none(share):
    assert told(lambda: tfopt.PruneConfig(pattern=share)).field == "pattern"


def test_augmentations_count_once():
    assert tfopt.TrainConfig(augment=("crop", "flip", "crop")).augment == ("crop", "flip")


def test_a_default_is_valid():
    for kind in CONFIGS:
        for name, field in kind.model_fields.items():
            if not field.is_required():
                given = {name: field.get_default(call_default_factory=True)} | NEEDED.get(kind, {})
                assert getattr(kind(**given), name) == given[name]


def test_what_a_config_says_of_itself_speaks_of_fields():
    for kind in CONFIGS:
        assert issubclass(kind, Config)
        assert "--" not in (inspect.getdoc(kind) or "")


@pytest.mark.parametrize("given", [0.5, "0.5", "50%"])
def test_a_share_is_written_as_a_number_or_in_percent(given):
    assert tfopt.PruneConfig(sparsity=given).sparsity == tfopt.StructuredConfig(amount=given).amount == 0.5
    assert tfopt.Gates(max_drop=given).max_drop == tfopt.QuantizeConfig(max_drop=given).max_drop == 0.5


@pytest.mark.parametrize("given", [50, "50", 1.5])
@pytest.mark.parametrize(
    ("config", "field"),
    [(tfopt.PruneConfig, "sparsity"), (tfopt.StructuredConfig, "amount"), (tfopt.Gates, "max_drop")],
)
def test_more_than_the_whole_is_asked_back(config, field, given):
    asked = f"`{field}` {given} is more than the whole; did you mean {given}%?"
    assert asked in str(told(lambda: config(**{field: given})))


@pytest.mark.parametrize("given", [1, 1.0, "1"])
@pytest.mark.parametrize("config", [tfopt.Gates, tfopt.QuantizeConfig])
def test_a_drop_of_everything_is_asked_back_and_may_be_said_in_percent(config, given):
    assert f"did you mean {given}%?" in str(told(lambda: config(max_drop=given)))
    assert config(max_drop="100%").max_drop == 1


def test_of_a_long_value_that_is_refused_the_beginning_is_told():
    with pytest.raises(ConfigError) as told:
        tfopt.QuantizeConfig(calibration=np.random.default_rng(0).normal(size=(50, 8)))
    assert " ... is of the wrong type" in str(told.value)
    assert len(str(told.value)) < 250
