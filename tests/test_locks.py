"""A lock keeps a second process out, and is gone afterwards; what is no lock is not touched."""

import pytest

from tfopt.errors import OutputError
from tfopt.runtime.locks import locked


def test_the_second_gives_up_at_once_and_the_first_leaves_nothing(tmp_path):
    place = tmp_path / "lock"
    with locked(place, "taken"):
        with pytest.raises(OutputError, match=r"^taken$"), locked(place, "taken"):
            pass
        assert place.exists()
    assert not place.exists()


def test_one_that_a_killed_process_left_is_taken(tmp_path):
    (tmp_path / "lock").touch()
    with locked(tmp_path / "lock", "taken"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_lock_stays(tmp_path, kind):
    place, mine = tmp_path / "lock", tmp_path / "mine"
    mine.write_bytes(b"mine")
    {"file": lambda: mine.rename(place), "folder": place.mkdir, "link": lambda: place.symlink_to(mine)}[kind]()
    with pytest.raises(OutputError, match="lock is in the way"), locked(place, "taken"):
        pass
    assert place.exists()
    assert place.is_dir() or place.read_bytes() == b"mine"


def test_a_forced_conversion_leaves_a_file_alone_that_has_the_name_of_its_lock(tfopt, sample, tmp_path):
    place = tmp_path / ".out.tflite.lock"
    place.write_bytes(b"mine")
    refused = tfopt("convert", sample, "-o", "out.tflite", "--force")
    assert (refused.code, refused.out) == (2, "")
    assert "is in the way" in refused.err
    assert place.read_bytes() == b"mine"
