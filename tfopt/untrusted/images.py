"""An image of a few kilobytes can be gigabytes of pixels: its size is read from its header before it is decoded."""

import struct

from tfopt.errors import InputError

MOST_PIXELS = 100_000_000


def check_pixels(content: bytes, name: str) -> None:
    """Raise `InputError` for more pixels than photographs have; content without the header of an image passes."""
    try:
        height, width = _read_size(content)
    except struct.error:  # cut off
        return
    if abs(height) * abs(width) > MOST_PIXELS:
        raise InputError(f"{name} has {abs(width):,} times {abs(height):,} pixels; at most {MOST_PIXELS:,} are decoded")


def _read_size(content: bytes) -> tuple[int, int]:
    """Return the height and width; zeros for an unknown format."""
    if content.startswith(b"\x89PNG"):
        width, height = struct.unpack_from(">II", content, 16)
    elif content.startswith(b"GIF8"):
        return _read_gif_size(content)
    elif content.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", content, 18)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        width, height = _read_webp_size(content)
    elif content.startswith(b"\xff\xd8"):
        return _read_jpeg_size(content)
    else:
        return 0, 0
    return height, width


def _read_gif_size(content: bytes) -> tuple[int, int]:
    """Return a height and width with as many pixels as all frames together, or the screen: all are decoded."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    pixels = 0
    place = 13 + _color_table_size(flags)
    while content[place : place + 1] in (b"!", b","):
        if content[place] == ord(","):
            across, down, flags = struct.unpack_from("<HHB", content, place + 5)
            pixels += across * down
            if pixels > MOST_PIXELS:
                return pixels, 1
            place += 11 + _color_table_size(flags)
        else:
            place += 2
        while size := struct.unpack_from("B", content, place)[0]:
            place += 1 + size
        place += 1
    return (height, width) if pixels <= width * height else (pixels, 1)


def _color_table_size(flags: int) -> int:
    """Return the bytes of a table of colours, if there is one."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _read_webp_size(content: bytes) -> tuple[int, int]:
    match content[12:16]:
        case b"VP8X":
            low, high = struct.unpack_from("<I3s", content, 24)[0], content[27:30]
            return (low & 0xFFFFFF) + 1, int.from_bytes(high, "little") + 1
        case b"VP8L":
            bits = struct.unpack_from("<I", content, 21)[0]
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _read_jpeg_size(content: bytes) -> tuple[int, int]:
    """Read the frame header, one of the segments that begin with a marker and their length."""
    place = 2
    while True:
        while content[place : place + 2] == b"\xff\xff":  # any number of these may stand before a marker
            place += 1
        marker, length = struct.unpack_from(">HH", content, place)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", content, place + 5)
            return height, width
        if marker < 0xFFC0:
            return 0, 0
        place += 2 + max(length, 2)
