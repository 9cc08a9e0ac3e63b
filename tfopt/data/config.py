"""The config of a data set: where it comes from, how it is fed and how it is split."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Scale, Task
from tfopt.config.fields import Config, Count, Fraction, Option, Seed

BUNDLED = ("digits", "diabetes", "waves", "phrases", "numbers", "shapes")
KERAS = ("mnist", "fashion_mnist", "cifar10", "imdb")
TFDS = "tfds:"
INPUTS = "inputs"  # as targets, of an autoencoder
MEMORY = "memory:"  # data that were given in Python; no file or name can stand for them
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
SOURCES = (
    "digits, diabetes, waves, phrases, numbers or shapes, which need no download; mnist, fashion_mnist, cifar10, imdb"
    " or tfds:NAME; a .csv or .tsv table (also .gz) or a .parquet one, an .npz or .tfrecord file, or a folder: images"
    " or .wav files by class, images and masks, or Hugging Face datasets"
)
SCALES = (
    "How stored values are fed: as they are, to 0..1 (/255), to -1..1, or standardized by the train split; left out: as"
    " the model was trained, else unit for 8-bit values, standard for tables and series, none for others."
)
LEFT_OUT = "left out: what the model was trained on. Columns and windows are those of its training."
COLUMN = Option("COLUMN")
TASKS = "What to learn (what the data says); compiled judges by the loss of a model that is brought."


class DataConfig(Config):
    """Names a data set and says how it is fed and split; enough to load the same splits again.

    `task` None is what the data says. Columns of tables: `text` and `label` (classification), `source_text` and
    `target_text` (translation), `target` (the variate that is forecast; None means all). With `target` "inputs"
    images or rows of numbers are their own targets, whatever labels they have. Texts become at most `length` of the
    `words` most frequent words of the train split, or of its `characters`. Series are cut into windows of `window`
    steps, after which `horizon` steps are forecast. Images of a folder are resized to squares of `image_size` pixels,
    by default to the size of the first.
    """

    panel: ClassVar[str] = "Data"

    source: Annotated[str, Field(description=f"{SOURCES}."), Option("NAME|PATH", "--data")] = "digits"
    scale: Annotated[Scale | None, Field(description=SCALES)] = None
    validation: Annotated[
        Fraction,
        Field(description="Share of the training samples kept for validation, where the data has no such split."),
    ] = 0.15
    split_seed: Annotated[
        Seed, Field(description="Which samples are kept for validation and test."), Option(offered=False)
    ] = 0
    task: Annotated[Task | None, Field(description=TASKS)] = None
    text: Annotated[str | None, Field(description="The text to classify (text)."), COLUMN] = None
    label: Annotated[
        str | None,
        Field(description="The label (label, class, target or category); a,b,c for several columns of 0 and 1."),
        COLUMN,
    ] = None
    source_text: Annotated[str | None, Field(description="The text to translate (source)."), COLUMN] = None
    target_text: Annotated[str | None, Field(description="Its translation (target)."), COLUMN] = None
    target: Annotated[
        str | None,
        Field(description="The only column to forecast (all); inputs: an autoencoder learns to give back its inputs."),
        COLUMN,
    ] = None
    words: Annotated[
        Count | None,
        Field(description="Most frequent words to know (10000, of each language of a translation 5000)."),
    ] = None
    length: Annotated[Count | None, Field(description="Words of a text to look at (what 95 % do not exceed).")] = None
    characters: Annotated[
        bool | None,
        Field(description="Read texts letter by letter (where words hardly occur twice), or word by word."),
        Option(flag="--characters/--whole-words"),
    ] = None
    tokens: Annotated[
        bool | None,
        Field(description="The rows of an .npz file are token ids (if they look so), or amounts."),
        Option(flag="--tokens/--amounts"),
    ] = None
    window: Annotated[Count, Field(description="Steps of a series to look at.")] = 96
    horizon: Annotated[
        Count | None, Field(description="Steps of a series to forecast (24); makes a table a series.")
    ] = None
    image_size: Annotated[
        Count | None, Field(description="Height and width of images of a folder (those of the first).")
    ] = None

    @property
    def known(self) -> bool:
        """Say whether `source` is the name of a known data set."""
        return self.source in (*BUNDLED, *KERAS) or self.source.startswith((TFDS, MEMORY))

    @property
    def in_memory(self) -> bool:
        """Say whether the data were made in Python, so that they cannot be loaded again."""
        return self.source.startswith(MEMORY)

    @property
    def path(self) -> Path | None:
        """File or folder behind `source`, or None when it is the name of a known data set."""
        if self.known:
            return None
        from tfopt.data.formats import find_format  # they need this module

        path = Path(self.source)
        named = "/" in self.source or "\\" in self.source
        return path if named or find_format(path) is not None or path.exists() else None


class OtherDataConfig(Config):
    """Data to use in place of those that a model remembers."""

    panel: ClassVar[str] = DataConfig.panel

    data: Annotated[str | None, Field(description=f"{SOURCES}; {LEFT_OUT}"), Option("NAME|PATH")] = None
    scale: Annotated[Scale | None, Field(description=SCALES)] = None
    target: Annotated[
        Literal["inputs"] | None, Field(description="inputs: the data are their own targets, as of an autoencoder.")
    ] = None
    task: Annotated[Task | None, Field(description=TASKS)] = None

    @property
    def config(self) -> DataConfig | None:
        """The data, or None for those that the model remembers."""
        if self.data is None:
            return None
        return DataConfig(source=self.data, scale=self.scale, target=self.target, task=self.task)

    @model_validator(mode="after")
    def _options_need_data(self) -> Self:
        for name, value in (("scale", self.scale), ("target", self.target), ("task", self.task)):
            if self.data is None and value is not None:
                raise ValueError(
                    f"`{name}` {value} needs `data`; without it the model's own data is fed as in training"
                )
        return self
