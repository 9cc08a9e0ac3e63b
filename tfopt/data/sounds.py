"""Sounds of WAV files as waveforms of one channel, each at the rate of its file."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfopt.data.array_files import check_file
from tfopt.errors import InputError
from tfopt.typing import Array

LEAST_RATE, MOST_RATE = 1_000, 400_000  # samples a second
CUT = "Reached EOF prematurely"  # what scipy only warns of


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A waveform (T,), int16 or float32 between -1 and 1, of `rate` samples a second, mixed from `channels`."""

    rate: int
    wave: Array
    channels: int = 1

    @property
    def seconds(self) -> float:
        """The seconds that it lasts."""
        return len(self.wave) / self.rate


@dataclass(frozen=True, slots=True, eq=False)
class SoundFile:
    """A sound whose waveform is read from the file at `path` whenever it is asked for."""

    path: Path
    rate: int
    seconds: float
    channels: int

    @property
    def wave(self) -> Array:
        """The waveform (T,), as a `Sound` has it."""
        return read_sound(self.path).wave


def resampled(sound: Sound | SoundFile, rate: int) -> Array:
    """Return the waveform (T,) of a sound as float32 between -1 and 1, resampled to `rate` samples a second.

    >>> resampled(Sound(8000, np.array([0, -32768, 16384], np.int16)), 8000)
    array([ 0. , -1. ,  0.5], dtype=float32)
    """
    found = sound.wave
    wave: Array = found / np.float32(32768) if found.dtype == np.int16 else found
    if rate != sound.rate:
        from scipy.signal import resample_poly

        common = np.gcd(rate, sound.rate)
        wave = resample_poly(wave, rate // common, sound.rate // common).astype(np.float32)
    return wave


def read_sound(path: Path) -> Sound:
    """Read a WAV file: PCM of 8 to 64 bits or floats; several channels become their mean.

    Raises:
        InputError: If it is none, is damaged or cut off, or holds nothing, NaN or infinity.
    """
    from scipy.io import wavfile

    check_file(path)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            rate, wave = wavfile.read(io.BytesIO(path.read_bytes()))  # from memory it makes no more than there is
    except Exception as error:  # scipy raises whatever a damaged file makes it stumble over
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} is no WAV file of PCM or floats, or is damaged: {reason}") from error
    if any(CUT in str(one.message) for one in told):
        raise InputError(f"{path} is damaged or was cut off: its header promises more samples than it holds")
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise InputError(f"{path} has {rate:,} samples a second; {LEAST_RATE:,} to {MOST_RATE:,} can be read")
    if not wave.size:
        raise InputError(f"{path} holds no samples")
    channels = wave.shape[1] if wave.ndim == 2 else 1
    wave = _to_full_scale(wave)
    if not np.isfinite(wave).all():
        raise InputError(f"{path} holds NaN or infinity")
    return Sound(rate, wave if channels == 1 else wave.mean(axis=1, dtype=np.float32).astype(wave.dtype), channels)


def look_at_sound(path: Path) -> SoundFile:
    """Read a WAV file to see what it is, but do not hold it; raise what `read_sound` raises."""
    sound = read_sound(path)
    return SoundFile(path, sound.rate, sound.seconds, sound.channels)


def _to_full_scale(wave: Array) -> Array:
    """Return int16 of 8 and 16 bits, else float32 between -1 and 1; 24 bits come as the upper ones of 32."""
    if wave.dtype == np.uint8:
        return (wave.astype(np.int16) - 128) * np.int16(256)
    if wave.dtype.kind == "i" and wave.dtype != np.int16:
        return (wave / -float(np.iinfo(wave.dtype).min)).astype(np.float32)
    return wave if wave.dtype == np.int16 else wave.astype(np.float32)
