"""A zip from somebody else: each member once, under a name that stays inside, of a size that its bytes can hold.

A `.keras` file and an `.npz` are such zips.
"""

import stat
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

from tfopt.errors import InputError
from tfopt.untrusted.limits import MOST_EXPANSION, check_expansion

MOST_MEMBERS = 10_000
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others Python unpacks all, whatever size they declare


def check_members(archive: zipfile.ZipFile, name: str, size: int, most: int = MOST_EXPANSION) -> None:
    """Check the members of a zip before any is read.

    Args:
        archive: The open zip.
        name: Its name in messages.
        size: Its size in bytes.
        most: Times its size that it may unpack to.

    Raises:
        InputError: For anything that no writer of models does.
    """
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise InputError(f"{name} is a zip of {len(members):,} members, which no model has")
    seen: set[str] = set()
    for member in members:
        shown = repr(member.filename[:80])
        if member.filename in seen:
            raise InputError(f"{name} holds {shown} twice, so that programs may read different things in it: refused")
        seen.add(member.filename)
        if _leads_out(member.filename):
            raise InputError(f"{name} holds {shown}, a path that leads out of the zip: refused")
        if member.compress_type not in BOUNDED:
            raise InputError(f"{name} holds {shown}, compressed in a way that no writer of models uses: refused")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"{name} holds {shown}, a symbolic link: refused")
    check_expansion(sum(member.file_size for member in members), size, name, most)


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member, as much as it declares; `ZipFile.read` unpacks up to 2 GB and then cuts."""
    member = archive.getinfo(name)
    if member.compress_type not in BOUNDED:
        raise zipfile.BadZipFile(f"{name} is compressed in a way that no writer of models uses")
    with archive.open(member) as file:
        return file.read(member.file_size)


def _leads_out(name: str) -> bool:
    paths = (PurePosixPath(name), PureWindowsPath(name))
    return any(path.is_absolute() or path.drive or path.root or ".." in path.parts for path in paths if name)
