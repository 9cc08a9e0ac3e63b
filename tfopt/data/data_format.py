"""A format of data: one kind of files or folders, and how it becomes samples with labels or a series."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from tfopt.data.config import DataConfig
from tfopt.data.raw_data import RawData
from tfopt.data.series import Series


class DataFormat(ABC):
    """A kind of files or folders that data are read from.

    Attributes:
        name: What the registry calls it.
        suffixes: How the names of its files end, as (".csv", ".csv.gz").
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()

    @property
    def title(self) -> str:
        """Name what it reads, for messages."""
        return ", ".join(self.suffixes)

    def suits(self, path: Path) -> bool:
        """Tell whether `path`, which need not exist, is for this format; by default by its suffix."""
        return path.name.endswith(self.suffixes) and not path.is_dir()

    @abstractmethod
    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData | Series:
        """Read the data.

        Args:
            path: What `suits` has said yes to.
            config: The config.
            class_names: The classes that a model remembers: labels that are words are counted by them.

        Returns:
            Samples with their labels, not yet checked, or a series.

        Raises:
            InputError: If it holds something else, or is damaged.
        """
