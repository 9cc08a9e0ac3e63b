"""The config of a data set: where it comes from, how it is fed and how it is split."""

from pathlib import Path

from tfopt.config.choices import Scale, Task
from tfopt.config.fields import Config, Count, Fraction, Seed

BUNDLED = ("digits", "diabetes", "waves", "phrases", "numbers")
KERAS = ("mnist", "fashion_mnist", "cifar10", "imdb")
TFDS = "tfds:"
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


class DataConfig(Config):
    """Names a data set and says how it is fed and split; enough to load the same splits again.

    `task` None is what the data says. Columns of tables: `text` and `label` (classification), `source_text` and
    `target_text` (translation), `target` (the variate that is forecast; None means all). Texts become at most `length`
    of the `words` most frequent words of the train split. Series are cut into windows of `window` steps, after which
    `horizon` steps are forecast. Images of a folder are resized to squares of `image_size` pixels, by default to the
    size of the first.
    """

    source: str = "digits"
    scale: Scale | None = None
    validation: Fraction = 0.15
    split_seed: Seed = 0
    task: Task | None = None
    text: str | None = None
    label: str | None = None
    source_text: str | None = None
    target_text: str | None = None
    target: str | None = None
    words: Count | None = None
    length: Count | None = None
    window: Count = 96
    horizon: Count | None = None
    image_size: Count | None = None

    @property
    def path(self) -> Path | None:
        """File or folder behind `source`, or None when it is the name of a known data set."""
        if self.source in (*BUNDLED, *KERAS) or self.source.startswith(TFDS):
            return None
        named = self.source.endswith((".npz", *TABLES)) or "/" in self.source or "\\" in self.source
        return Path(self.source) if named or Path(self.source).exists() else None
