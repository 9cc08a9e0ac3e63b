"""Packed files answer as the others do, have no byte that no runtime reads, and lose nothing that somebody asks for."""

import io
import json
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import tfopt as library
from tests.tflite_files import WEIGHTS, buffer_of, read, two_layers, written
from tfopt.conversion import packed_file
from tfopt.errors import UnsupportedError
from tfopt.formats.tflite.agreement import count_alike
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import parameter_counts
from tfopt.formats.tflite.layout import bytes_by_kind
from tfopt.formats.tflite.packing import has_all_names, packed, packed_size


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "two.tflite"
    path.write_bytes(written(two_layers()))
    return path


def test_a_packed_file_is_smaller_and_answers_bit_by_bit_alike():
    payload = written(two_layers())
    smaller = packed(payload)
    assert len(smaller) < 0.75 * len(payload)
    assert count_alike(payload, smaller) == 4
    artifact = TfliteArtifact("packed", smaller)
    assert (artifact.input_names, artifact.output_names) == (["x"], ["y"])
    assert artifact.input_shapes() == [(None, 4)]


def test_names_stay_at_the_ends_and_ranges_and_what_the_converter_noted_go():
    model = read(packed(written(two_layers())))
    assert [tensor.name for tensor in model.subgraphs[0].tensors] == [b"input", *[None] * 5, b"output"]
    assert {tensor.quantization.min for tensor in model.subgraphs[0].tensors} == {None}
    assert (model.metadata, model.description) == (None, None)
    assert len(model.operatorCodes) == 1
    assert [part.zeroPoint.tolist() for part in quantizations(model)] == [[3], [0], [0], [0], [0], [0], [0]]


def quantizations(model):
    return [tensor.quantization for tensor in model.subgraphs[0].tensors]


def test_all_names_stay_if_that_is_asked_for():
    payload = written(two_layers())
    named = packed(payload, keep_names=True)
    assert (has_all_names(named), has_all_names(packed(payload))) == (True, False)
    assert read(named).description == b"written by hand"
    assert len(packed(payload)) < len(named) < len(payload)


def test_equal_constants_are_stored_once_where_they_mean_the_same():
    alike, other = (read(packed(written(two_layers(second)))) for second in (0.5, 0.25))
    data = [[bytes(buffer.data) for buffer in model.buffers if buffer.data is not None] for model in (alike, other)]
    assert [one.count(WEIGHTS.tobytes()) for one in data] == [1, 2]
    tensors = alike.subgraphs[0].tensors
    assert [tensor.buffer for tensor in tensors] == [0, 1, 2, 0, 1, 3, 0]  # the scales of the biases differ


def test_the_constants_of_variables_are_their_own():
    model = two_layers()
    for place in (1, 4):
        model.subgraphs[0].tensors[place].isVariable = True
    tensors = read(packed(written(model))).subgraphs[0].tensors
    assert tensors[1].buffer != tensors[4].buffer


def test_constants_lie_where_kernels_need_them():
    payload = packed(written(two_layers()))
    found = [payload.index(np.asarray(x).tobytes()) for x in (WEIGHTS, np.arange(4, dtype=np.int32))]
    assert [place % 16 for place in found] == [0, 0]


def test_what_is_packed_has_nothing_left_to_leave_out(file):
    once = library.pack(file).artifact
    assert packed(once.payload) == once.payload
    again = library.pack(once)
    assert again.artifact.payload == once.payload
    assert again.report.left == "nothing can be left out"


def test_metadata_that_somebody_may_read_stay_and_buffers_keep_their_numbers():
    model = two_layers()
    model.buffers.append(buffer_of(np.frombuffer(b"which one is labels.txt", np.uint8)))
    model.metadata.append(schema.MetadataT(name=b"TFLITE_METADATA", buffer=len(model.buffers) - 1))
    found = read(packed(written(model)))
    [kept] = found.metadata
    assert kept.name == b"TFLITE_METADATA"
    assert bytes(found.buffers[kept.buffer].data) == b"which one is labels.txt"
    assert [tensor.buffer for tensor in found.subgraphs[0].tensors] == [1, 2, 3, 6, 4, 5, 7]


def test_the_bytes_of_a_file_are_counted_by_what_they_are_for():
    payload = written(two_layers())
    before, after = bytes_by_kind(payload), bytes_by_kind(packed(payload))
    assert sum(before.values()) == len(payload)
    constants = 2 * (4 + 16) + 2 * (4 + 16) + (4 + 40)  # each with its length
    assert (before["constants"], before["zero points"], after["zero points"]) == (constants, 7 * 12, 2 * 12)
    assert (before["minima and maxima"], before["scales"]) == (14 * 8, 7 * 8)
    assert after["constants"] == 4 + 16 + 2 * (4 + 16)
    assert before["names"] > after["names"] == sum(4 + len(name) + 1 for name in ("input", "output", "main"))


@pytest.mark.parametrize("members", [{"labels.txt": "cat\ndog"}, {"a.txt": "1", "tfopt.json": "{}"}])
def test_a_zip_behind_the_model_stays_readable(members):
    buffer = io.BytesIO()
    buffer.write(written(two_layers()))
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with zipfile.ZipFile(io.BytesIO(packed(buffer.getvalue()))) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == members
        assert archive.infolist()[0].header_offset == len(packed(written(two_layers())))


def damaged_zip(_):
    buffer = io.BytesIO()
    buffer.write(written(two_layers()))
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("labels.txt", "cat and dog")
    return buffer.getvalue().replace(b"cat and dog", b"cat and cow")


def newer(monkeypatch):
    monkeypatch.setattr(schema, "ModelStart", lambda builder: builder.StartObject(13))

    def end(builder):
        builder.PrependUint32Slot(12, 7, 0)
        return builder.EndObject()

    monkeypatch.setattr(schema, "ModelEnd", end)
    return written(two_layers())


def changed(change):
    def make(_):
        model = two_layers()
        change(model)
        return written(model)

    return make


UNKNOWN = {
    "a field of a newer schema": (newer, "a newer schema wrote it: field 12 of Model"),
    "bytes behind the model": (lambda _: written(two_layers()) + b"more", "4 bytes lie behind the model"),
    "a damaged zip": (damaged_zip, "the zip behind the model is damaged"),
    "constants behind the model": (
        changed(lambda model: setattr(model.buffers[8], "offset", 4096)),
        "constants lie outside of its flatbuffer",
    ),
    "constants in other files": (
        changed(lambda model: setattr(model, "externalBuffers", [schema.ExternalBufferT(id=1)])),
        "constants lie outside of its flatbuffer",
    ),
    "a first buffer with data": (
        changed(lambda model: setattr(model.buffers[0], "data", np.ones(4, np.uint8))),
        "its first buffer, which stands for none",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_file_with_what_is_not_known_is_left_as_it_is_and_that_is_said(tmp_path, monkeypatch, name):
    make, words = UNKNOWN[name]
    payload = make(monkeypatch)
    monkeypatch.undo()
    with pytest.raises(UnsupportedError, match=words):
        packed(payload)
    assert packed_size(payload) == len(payload)
    (tmp_path / "m.tflite").write_bytes(payload)
    made = library.pack(tmp_path / "m.tflite")
    assert made.artifact.payload == payload
    assert words in made.report.note


def test_a_file_that_answers_otherwise_is_not_kept(file, monkeypatch):
    def wrong(payload, **_):
        model = read(payload)
        model.buffers[2].data = model.buffers[2].data[::-1].copy()
        return packed(written(model))

    monkeypatch.setattr(packed_file, "packed", wrong)
    artifact = TfliteArtifact("two.tflite", file.read_bytes())
    told = packed_file.pack_artifact(artifact, keep_names=False)
    assert artifact.payload == file.read_bytes()
    assert told.left == "its outputs would not be the same bit by bit"
    assert told.before == told.after


def test_the_command_packs_several_files_and_reports_their_bytes(tfopt, file, tmp_path):
    (tmp_path / "three.tflite").write_bytes(written(two_layers(0.25)))
    ended = tfopt("pack", file, "three.tflite", "--json")
    assert ended.code == 0
    two, three = ended.report["files"]
    assert (two["output"], three["output"]) == ("two-packed.tflite", "three-packed.tflite")
    assert sum(two["after"].values()) == (tmp_path / "two-packed.tflite").stat().st_size
    assert json.loads((tmp_path / "two-packed.tflite.report.json").read_text()) == two
    assert tfopt("pack", file).code == 2
    told = " ".join(tfopt("pack", file, "--force").out.split())
    assert "--keep-names keeps the names of its tensors" in told
    shown = tfopt("pack", file, "-o", "other.tflite", "--keep-names").out
    assert "zero points" in shown
    assert has_all_names((tmp_path / "other.tflite").read_bytes())


def test_the_command_holds_files_to_a_size(tfopt, file):
    size = packed_size(file.read_bytes())
    assert tfopt("pack", file, "--max-size", size).code == 0
    ended = tfopt("pack", file, "--max-size", size - 1, "--force", "--json")
    assert ended.code == 1
    assert ended.report["files"][0]["gates"][0]["found"] == size


def test_damage_is_one_sentence_and_nothing_is_written(tfopt, file, tmp_path):
    payload = file.read_bytes()
    (tmp_path / "cut.tflite").write_bytes(payload[: len(payload) // 2])
    (tmp_path / "text.tflite").write_text("no model")
    before = sorted(tmp_path.iterdir())
    for name in ("cut.tflite", "text.tflite"):
        ended = tfopt("pack", file, name)
        assert ended.code == 2
        assert ended.err.startswith("error: ")
        assert ended.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert "is for one file" in tfopt("pack", file, "cut.tflite", "-o", "x.tflite").err


def test_what_tfopt_writes_is_packed_and_reports_name_the_layers(sample):
    result = library.quantize(sample, library.QuantizeConfig(precision="dynamic"))
    payload = result.artifact.model_bytes
    assert packed(payload) == payload
    assert not has_all_names(payload)
    assert {"conv1a", "classes"} <= {layer.layer for layer in result.report.layers if layer.action == "quantized"}
    assert any("was packed" in note and "4 random inputs" in note for note in result.report.notes)
    named = library.quantize(sample, library.QuantizeConfig(precision="dynamic", keep_names=True)).artifact
    assert has_all_names(named.model_bytes)
    assert len(named.model_bytes) > len(payload)
    assert parameter_counts(named.payload) == parameter_counts(payload)
    told = library.inspect(result.artifact), library.inspect(named)
    assert ["names" in " ".join(one.notes) for one in told] == [True, False]
    assert told[0].tensors == told[1].tensors
    assert told[0].operations == told[1].operations


@pytest.mark.parametrize(("place", "words"), [(99, "tensor index 99"), (3, "its signature calls y an output")])
def test_a_signature_that_names_what_is_no_output_is_one_sentence(tmp_path, place, words):
    model = two_layers()
    model.signatureDefs[0].outputs[0].tensorIndex = place
    (tmp_path / "m.tflite").write_bytes(written(model))
    with pytest.raises(library.InputError, match=words):
        library.pack(tmp_path / "m.tflite")
