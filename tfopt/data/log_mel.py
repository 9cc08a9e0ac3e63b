"""Sounds become log-mel spectrograms: the energy in bands of pitch, step by step, which a model sees as an image.

They are made before the model, and their settings travel with it, as a vocabulary does. In the model they could not be
integers: LiteRT's Fourier transform (RFFT2D) computes in floats, TensorFlow Lite Micro does not have it, and tf_keras,
which trains for integers, does not have the layer.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tfopt.data.sounds import LEAST_RATE, MOST_RATE, Sound, SoundFile, resampled
from tfopt.data.stored_arrays import RowCollector
from tfopt.errors import InputError
from tfopt.typing import Array

if TYPE_CHECKING:
    from keras.layers import MelSpectrogram

WINDOW, HOP = 0.03, 0.02  # seconds
BANDS = 40
LENGTH_QUANTILE = 0.95
MOST_VALUES = 2_100_000  # of a spectrogram, as an image may have pixels
MOST_SAMPLES = 100_000_000
AT_ONCE = 64

Sounds: TypeAlias = Iterable[Sound | SoundFile]
Samples = Annotated[int, Field(ge=1, le=MOST_SAMPLES)]


class LogMel(BaseModel):
    """Turns sounds to spectrograms (N, frames, bands, 1) float32.

    Attributes:
        rate: Samples a second that every sound is resampled to.
        samples: Samples that each is cut to, or padded to with silence.
        window: Samples of a frame.
        hop: Samples from a frame to the next.
        fft: Samples of the Fourier transform of a frame, of which those behind the window are zeros.
        bands: Bands of the mel scale up to half the rate.
        floor: The magnitude below which everything is silence.

    >>> log_mel = LogMel(rate=8000, samples=4000, window=240, hop=160, fft=512)
    >>> log_mel([Sound(8000, np.zeros(8000, np.float32))]).shape
    (1, 26, 40, 1)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    rate: Annotated[int, Field(ge=LEAST_RATE, le=MOST_RATE)]
    samples: Samples
    window: Samples
    hop: Samples
    fft: Annotated[int, Field(ge=1, le=2**20)]
    bands: Annotated[int, Field(ge=1, le=512)] = BANDS
    floor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3

    @classmethod
    def fit(cls, sounds: Sounds) -> Self:
        """Choose the rate that most sounds of the train split have, and the length that 95 % do not exceed.

        Raises:
            InputError: If they are too long.
        """
        sounds = list(sounds)
        rates = Counter(sound.rate for sound in sounds)
        rate = max(rates, key=lambda one: (rates[one], -one))
        window, hop = round(WINDOW * rate), round(HOP * rate)
        fft = 2 ** int(np.ceil(np.log2(2 * window)))  # narrow enough for the lowest bands
        longest = float(np.quantile([sound.seconds for sound in sounds], LENGTH_QUANTILE))
        samples = max(fft, round(longest * rate))
        if samples // hop * BANDS > MOST_VALUES:
            raise InputError(f"sounds of {longest:,.0f} s are more than a model can be fed: cut them into short clips")
        return cls(rate=rate, samples=samples, window=window, hop=hop, fft=fft)

    @property
    def seconds(self) -> float:
        """Seconds of a sound that a model is fed."""
        return self.samples / self.rate

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (frames, bands, 1) of a spectrogram."""
        return (1 + self.samples // self.hop, self.bands, 1)

    @cached_property
    def _keras(self) -> "MelSpectrogram":
        from keras.layers import MelSpectrogram

        # Its decibels are not used: they are cut by the loudest sound of the batch, so that each depends on the others.
        return MelSpectrogram(
            fft_length=self.fft, sequence_length=self.window, sequence_stride=self.hop, sampling_rate=self.rate,
            num_mel_bins=self.bands, max_freq=self.rate / 2, power_to_db=False,
        )  # fmt: skip

    def __call__(self, sounds: Sounds) -> Array:
        """Return the spectrograms (N, frames, bands, 1) of N sounds, in natural logarithms of magnitudes.

        Many of them are in a temporary file, as a lazy array.
        """
        sounds = list(sounds)
        found = RowCollector()
        for start in range(0, len(sounds), AT_ONCE):
            waves = np.stack([self._fitted(sound) for sound in sounds[start : start + AT_ONCE]])
            bands = np.asarray(self._keras(waves)).swapaxes(1, 2)
            found.append(np.log(np.maximum(bands, self.floor))[..., np.newaxis])
        return found.finish()

    def _fitted(self, sound: Sound | SoundFile) -> Array:
        wave = resampled(sound, self.rate)[: self.samples]
        return np.pad(wave, (0, self.samples - len(wave)))

    def notes(self, sounds: Sounds) -> list[str]:
        """Say what becomes of sounds that are of another rate or length."""
        sounds = list(sounds)
        found = []
        if others := [sound.rate for sound in sounds if sound.rate != self.rate]:
            of = ", ".join(f"{rate:,}" for rate in sorted(set(others))[:5])
            found.append(f"{len(others):,} of {len(sounds):,} sounds were resampled from {of} to {self.rate:,} Hz")
        lengths = [round(sound.seconds * self.rate) for sound in sounds]
        if min(lengths) != self.samples or max(lengths) != self.samples:
            longer, shorter = sum(n > self.samples for n in lengths), sum(n < self.samples for n in lengths)
            found.append(
                f"sounds last {min(lengths) / self.rate:.2f} to {max(lengths) / self.rate:.2f} s and are fed as"
                f" {self.seconds:.2f} s: {longer:,} were cut, {shorter:,} padded with silence"
            )
        return found
