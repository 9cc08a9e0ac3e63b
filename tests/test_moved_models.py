"""A model and its data are found again where both were moved; its bytes do not tell where it was made."""

import json
import shutil
import zipfile

import numpy as np
import pytest

import tfopt as library
from tests.conftest import SAMPLES
from tfopt.core.provenance import data_provenance
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.provenance import Provenance


def data_file(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    np.savez(folder / "d.npz", x=rng.random((60, 5), np.float32), y=np.arange(60) % 3)
    return folder / "d.npz"


def stored(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("tfopt.json"))["data"]["source"]


@pytest.mark.parametrize(
    ("data", "model", "way"),
    [("d.npz", "m.keras", "./d.npz"), ("data/d.npz", "m.keras", "./data/d.npz"), ("d.npz", "out/m.keras", "../d.npz")],
)
def test_a_model_finds_its_data_after_both_were_moved(tfopt, tmp_path, data, model, way):
    project = tmp_path / "project"
    data_file((project / data).parent)
    (project / model).parent.mkdir(exist_ok=True)
    library_path = project / model
    built = tfopt("build", "--data", project / data, "-o", library_path, "--json")
    assert built.code == 0, built.err
    assert stored(library_path) == way
    assert built.report["measurements"][0]["file_bytes"] == library_path.stat().st_size
    first = library_path.read_bytes()
    shutil.move(project, tmp_path / "moved")
    report = library.evaluate(tmp_path / "moved" / model)
    assert report.data.samples["test"] == 12
    assert tfopt("build", "--data", tmp_path / "moved" / data, "-o", tmp_path / "moved" / model, "--force").code == 0
    assert (tmp_path / "moved" / model).read_bytes() == first


def test_saving_elsewhere_keeps_the_way_to_the_data(tmp_path):
    data = load(DataConfig(source=str(data_file(tmp_path / "a"))))
    artifact = library.build(data=data).artifact
    there = artifact.save(tmp_path / "a" / "m.keras")
    assert stored(there) == "./d.npz"
    assert library.load(there).provenance == artifact.provenance
    (tmp_path / "far" / "off").mkdir(parents=True)
    far = library.load(there).save(tmp_path / "far" / "off" / "m.keras")
    assert stored(far) == str(tmp_path / "a" / "d.npz")
    assert library.evaluate(far).data.samples["test"] == 12


def test_an_old_file_with_a_whole_path_and_names_of_data_sets_stay_as_they_are(tmp_path):
    old = Provenance(data=DataConfig(source=str(tmp_path / "d.npz")))
    assert old.found_in(tmp_path / "elsewhere") == old
    named = data_provenance(load(DataConfig()))
    assert named.beside(tmp_path) == named.found_in(tmp_path) == named
    sample = KerasArtifact.load(SAMPLES / "digits-mlp.keras")
    assert sample.save(tmp_path / "m.keras").read_bytes() == (SAMPLES / "digits-mlp.keras").read_bytes()


def test_the_folder_of_a_run_can_be_moved_with_its_data_and_its_lock_still_holds(tfopt, tmp_path, monkeypatch):
    project = tmp_path / "project"
    data_file(project)
    assert tfopt("build", "--data", project / "d.npz", "-o", project / "m.keras", "-q").code == 0
    (project / "r.yaml").write_text(
        "source: m.keras\nsteps:\n  - technique: prune\n    config: {epochs: 1}\n"
        "  - technique: cluster\n    config: {epochs: 1, clusters: 4}\n"
    )
    monkeypatch.chdir(project)
    assert tfopt("run", "r.yaml", "-q").code == 0
    monkeypatch.chdir(tmp_path)
    shutil.move(project, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    ended = tfopt("run", "r.yaml", "--locked", "-q")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("suffix", [".keras", ".tflite"])
def test_through_a_link_the_data_are_found_beside_the_file_or_beside_the_link(tmp_path, suffix):
    data = load(DataConfig(source=str(data_file(tmp_path / "project"))))
    model = library.build(data=data)
    artifact = model.artifact if suffix == ".keras" else library.quantize(model.artifact, data=data).artifact
    real = artifact.save(tmp_path / "project" / f"m{suffix}")
    link = tmp_path / f"link{suffix}"
    link.symlink_to(real)
    assert library.load(link).provenance.data.source == str(tmp_path / "project" / "d.npz")
    (tmp_path / "store").mkdir()
    shutil.move(real, tmp_path / "store" / "1234")
    real.symlink_to(tmp_path / "store" / "1234")
    assert library.load(real).provenance.data.source == str(tmp_path / "project" / "d.npz")
