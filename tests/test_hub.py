"""Tasks of KerasHub: opened from a preset or a file, with what prepares their inputs, or refused in a sentence."""

import json
import shutil
import zipfile
from importlib.metadata import PackageNotFoundError

import keras
import numpy as np
import pytest

import tfopt as library
from tfopt.errors import InputError, UnsupportedError
from tfopt.untrusted import hub_classes

pytest.importorskip("keras_hub", reason="the extra `hub` is not installed")
from tests import hub_models

TASKS = {"bert": hub_models.bert, "vgg": hub_models.vgg}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a preset and a file of each task, and the tasks."""
    folder = tmp_path_factory.mktemp("hub")
    tasks = {name: hub_models.randomized(build()) for name, build in TASKS.items()}
    for name, task in tasks.items():
        task.save_to_preset(str(folder / name))
        task.save(folder / f"{name}.keras")
    return folder, tasks


def pictures(folder, count=3):
    import tensorflow as tf

    found = np.random.default_rng(1).integers(0, 256, (count, 40, 56, 3)).astype(np.uint8)
    for number, pixels in enumerate(found):
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    return found


def named(outputs):
    """The classes of logits, and their probabilities."""
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    return [str(i) for i in shares.argmax(axis=1)], pytest.approx(shares.max(axis=1), abs=2e-3)


def told(found):
    """The classes and probabilities of predictions."""
    return [one.answer for one in found.predictions], [one.probability for one in found.predictions]


@pytest.mark.parametrize("source", ["keras-hub:{}", "{}.keras"])
def test_a_text_classifier_answers_raw_texts_as_its_task_does(made, source):
    folder, tasks = made
    texts = hub_models.texts(5)
    found = library.predict(source.format(folder / "bert"), texts)
    assert told(found) == named(tasks["bert"].predict(texts, verbose=0))


@pytest.mark.parametrize("source", ["keras-hub:{}", "{}.keras"])
def test_an_image_classifier_crops_and_scales_pictures_as_its_task_does(made, source, tmp_path):
    folder, tasks = made
    pixels = pictures(tmp_path)
    found = library.predict(source.format(folder / "vgg"), [tmp_path])
    assert told(found) == named(tasks["vgg"].predict(pixels, verbose=0))


def test_a_task_in_memory_is_taken_too_and_its_result_remembers_the_tokenizer(made, tmp_path):
    _, tasks = made
    artifact = library.load(tasks["bert"])
    assert [tuple(shape) for shape in artifact.input_shapes()] == [(None, hub_models.LENGTH)] * 3
    artifact.save(tmp_path / "plain.keras")
    texts = hub_models.texts(4)
    found = library.predict(tmp_path / "plain.keras", texts)
    assert told(found) == named(tasks["bert"].predict(texts, verbose=0))


def test_the_layers_of_an_image_backbone_are_plain_layers_of_keras(made):
    folder, _ = made
    kinds = {type(layer).__module__.split(".")[0] for layer in library.load(folder / "vgg.keras").model.layers}
    assert kinds == {"keras"}


def test_the_command_line_names_its_output_after_the_folder(made, tfopt):
    folder, _ = made
    ended = tfopt("prune", f"keras-hub:{folder / 'vgg'}", "--dry-run", "--json")
    assert ended.code == 0, ended.err
    assert "vgg-pruned.keras" in ended.out
    assert "keras-hub:vgg" not in ended.out


def preset(folder, task, backbone="BertBackbone"):
    """A preset of configurations only, as a stranger may write it."""
    folder.mkdir()
    for name, kind in (("config.json", backbone), ("task.json", task)):
        config = {"module": "keras_hub.src", "class_name": kind, "registered_name": f"keras_hub>{kind}", "config": {}}
        (folder / name).write_text(json.dumps(config))
    return f"keras-hub:{folder}"


@pytest.mark.parametrize("kind", ["GPT2CausalLM", "BartSeq2SeqLM", "MoonshineAudioToText"])
def test_a_language_model_is_refused_and_sent_to_litert_lm(tmp_path, kind):
    with pytest.raises(UnsupportedError, match=f"{kind}, a language model.*LiteRT-LM"):
        library.load(preset(tmp_path / "model", kind))


def test_other_tasks_are_refused_by_their_names(tmp_path):
    with pytest.raises(UnsupportedError, match=r"BertMaskedLM.* image and text classifiers"):
        library.load(preset(tmp_path / "model", "BertMaskedLM"))


def test_a_language_model_in_a_keras_file_is_refused_before_it_is_built(made, tmp_path):
    folder, _ = made
    with zipfile.ZipFile(folder / "bert.keras") as old, zipfile.ZipFile(tmp_path / "m.keras", "w") as new:
        for member in old.infolist():
            new.writestr(member, old.read(member).replace(b'"BertTextClassifier"', b'"GemmaCausalLM"'))
    with pytest.raises(UnsupportedError, match="LiteRT-LM"):
        library.load(tmp_path / "m.keras")


def test_without_the_extra_the_sentence_says_what_to_install(made, monkeypatch):
    folder, _ = made

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(hub_classes, "distribution", missing)
    for source in (folder / "bert.keras", f"keras-hub:{folder / 'bert'}"):
        with pytest.raises(InputError, match=r"pip install 'tfopt\[hub\]'"):
            library.load(source)


@pytest.mark.parametrize("handle", ["kaggle://keras/bert/keras/bert_tiny_en", "hf://keras/bert", "gs://a/b"])
def test_nothing_is_downloaded(tfopt, handle):
    ended = tfopt("inspect", f"keras-hub:{handle}")
    assert (ended.code, ended.out) == (2, "")
    assert "would be downloaded, which tfopt never does" in ended.err


def test_a_preset_without_its_prefix_is_told_how_it_is_named(made):
    folder, _ = made
    with pytest.raises(InputError, match=f"name it as keras-hub:{folder / 'bert'}"):
        library.load(folder / "bert")


def changed(name):
    """Write a configuration of the preset anew."""

    def decorator(change):
        def harm(folder):
            config = json.loads((folder / name).read_text())
            change(config)
            (folder / name).write_text(json.dumps(config))

        return harm

    return decorator


@changed("task.json")
def unregistered(config):
    config["config"]["preprocessor"] |= {"class_name": "get_file", "module": "keras_hub.src.utils.preset_utils"}


@changed("task.json")
def a_file_as_vocabulary(config):
    config["config"]["preprocessor"]["config"]["tokenizer"]["config"]["vocabulary"] = "/etc/passwd"


@changed("config.json")
def a_lambda(config):
    config["config"]["layer"] = {"class_name": "Lambda", "module": "keras.layers", "config": {}}


@changed("config.json")
def of_another_library(config):
    config.clear()
    config["model_type"] = "bert"


def linked_vocabulary(folder):
    path = folder / "assets" / "tokenizer" / "vocabulary.txt"
    path.unlink()
    path.symlink_to("/etc/passwd")


def pickled(folder):
    (folder / "model.weights.h5").write_bytes(b"\x80\x04cos\nsystem\n")


HARMS = {
    unregistered: "not registered",
    a_file_as_vocabulary: "from the file '/etc/passwd'",
    a_lambda: "Lambda",
    of_another_library: "no configuration of KerasHub",
    linked_vocabulary: "leads out",
    pickled: "not a file of weights",
    lambda folder: (folder / "task.json").unlink(): "has no task.json",
    lambda folder: (folder / "task.weights.h5").unlink(): "has no task.weights.h5",
}


@pytest.mark.parametrize(("harm", "words"), HARMS.items())
def test_a_preset_of_a_stranger_is_refused_in_a_sentence(made, tmp_path, harm, words):
    shutil.copytree(made[0] / "bert", tmp_path / "p")
    harm(tmp_path / "p")
    with pytest.raises(InputError, match=words):
        library.load(f"keras-hub:{tmp_path / 'p'}")


def test_a_tokenizer_that_a_stranger_wrote_into_a_file_runs_no_code(made):
    memory = library.load(made[0] / "bert.keras").provenance
    config = json.loads(json.dumps(memory.tokenizer.preprocessor))
    config["config"]["tokenizer"] = {"class_name": "Lambda", "module": "keras.layers", "config": {}}
    with pytest.raises(InputError, match="Lambda"):
        memory.tokenizer.model_copy(update={"preprocessor": config})(["good"])
    layer = keras.saving.serialize_keras_object(keras.layers.Dense(2))
    with pytest.raises(InputError, match="not a preprocessor"):
        memory.tokenizer.model_copy(update={"preprocessor": layer})(["good"])
