"""A format of data of another package is found by its entry point, read like one of tfopt's own, and told of."""

import subprocess
import sys

import pytest

import tfopt
from tfopt.data import formats
from tfopt.data.config import DataConfig
from tfopt.data.loader import load

BEADS = """
import numpy as np
import tfopt

class Beads(tfopt.DataFormat):
    name = "beads"
    suffixes = (".beads",)

    def read(self, path, config, class_names):
        x = np.array([[len(line), line.count("o")] for line in path.read_text().split()])
        return tfopt.RawData(x, x[:, 1] % 2, kind="features", notes=(f"{len(x)} strings of beads",))

class Box(tfopt.DataFormat):
    name = "box"
    title = "a box of beads"

    def suits(self, path):
        return (path / "box.beads").exists()

    def read(self, path, config, class_names):
        return Beads().read(path / "box.beads", config, class_names)
"""
STRINGS = "".join("o-" * (i % 5) + "o" * (i % 3) + "-\n" for i in range(60))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install entry points as another package has them; formats that were found before are forgotten."""

    def install(**points):
        site = tmp_path / "site"
        (site / "beads-1.dist-info").mkdir(parents=True)
        (site / "beads-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: beads\nVersion: 1\n")
        named = "".join(f"{name} = {value}\n" for name, value in points.items())
        (site / "beads-1.dist-info" / "entry_points.txt").write_text(f"[{formats.GROUP}]\n{named}")
        (site / "beads.py").write_text(BEADS)
        monkeypatch.syspath_prepend(site)
        forget()

    def forget():
        sys.modules.pop("beads", None)
        formats.third_party.cache_clear()
        formats.data_format.cache_clear()

    yield install
    monkeypatch.undo()
    forget()


def test_a_file_of_another_package_is_data(installed, tmp_path):
    installed(beads="beads:Beads")
    (tmp_path / "strings.beads").write_text(STRINGS)
    data = load(DataConfig(source=str(tmp_path / "strings.beads")))
    assert (data.kind, sum(len(split) for _, split in data.splits())) == ("features", 60)
    assert "60 strings of beads" in data.notes


def test_a_folder_of_another_package_is_not_taken_for_images(installed, tmp_path):
    installed(box="beads:Box")
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "box.beads").write_text(STRINGS)
    assert load(DataConfig(source=str(tmp_path / "box"))).kind == "features"
    (tmp_path / "box" / "box.beads").unlink()
    with pytest.raises(tfopt.InputError, match="holds no folder of images for each class"):
        load(DataConfig(source=str(tmp_path / "box")))


def test_what_cannot_be_read_is_told_all_that_could_be(installed, tmp_path, monkeypatch):
    installed(beads="beads:Beads", box="beads:Box", broken="no_such_module:Broken", other="beads:Box")
    (tmp_path / "t.txt").write_text("a")
    with pytest.raises(tfopt.InputError) as error:
        load(DataConfig(source=str(tmp_path / "t.txt")))
    told = str(error.value)
    files, masks = ".npz, .tfrecord, .tfrecords", "a folder with the folders images and masks"
    folders = f"{masks}, a folder of Hugging Face datasets, a folder of .wav files"
    assert f"{files}, {folders}, .beads, a box of beads or a folder of images" in told
    assert "; the data format broken (no_such_module:Broken) cannot be loaded: ModuleNotFoundError" in told
    assert "; the data format other (beads:Box) is no DataFormat of that name" in told
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tfopt.InputError, match=r"^none\.beads does not exist$"):
        load(DataConfig(source="none.beads"))


def test_one_that_cannot_be_loaded_harms_no_other(installed, tmp_path):
    installed(broken="no_such_module:Broken", beads="beads:Beads")
    (tmp_path / "strings.beads").write_text(STRINGS)
    assert load(DataConfig(source=str(tmp_path / "strings.beads"))).kind == "features"


def test_packages_are_imported_for_data_of_no_other_format_only(installed, tmp_path):
    installed(beads="beads:Beads")
    (tmp_path / "t.csv").write_text("width,label\n" + "".join(f"{i},k{i % 2}\n" for i in range(60)))
    load(DataConfig(source=str(tmp_path / "t.csv")))
    load(DataConfig())
    assert "beads" not in sys.modules


def test_formats_are_found_without_tensorflow(tmp_path):
    code = (
        "import sys, tfopt; assert tfopt.DataConfig(source='a.csv').path; assert tfopt.DataConfig(source='.').path;"
        " sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
