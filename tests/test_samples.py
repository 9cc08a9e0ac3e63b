import re

import pytest

import tfopt
from tests.conftest import SAMPLES

TABLE = re.findall(
    r"\| (\S+\.keras) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \| (\d+) \|", (SAMPLES / "README.md").read_text()
)


def test_every_sample_is_in_the_readme():
    assert {row[0] for row in TABLE} == {path.name for path in SAMPLES.glob("*.keras")}


@pytest.mark.parametrize(("name", "parameters", "size", "accuracy", "total"), TABLE)
def test_each_sample_reaches_the_accuracy_its_readme_states(name, parameters, size, accuracy, total):
    assert (SAMPLES / name).stat().st_size < 500_000
    [measured] = tfopt.evaluate(SAMPLES / name).measurements
    assert measured.accuracy.value == pytest.approx(float(accuracy), abs=1e-4)
    assert measured.accuracy.total == int(total)
    assert f"{measured.parameters:,}" == parameters
    assert f"{measured.file_bytes:,}" == size
