"""Any config becomes options, and what is typed becomes the config; sentences about fields are told of flags."""

from enum import Enum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from tfopt.cli.application import Command
from tfopt.cli.command import command
from tfopt.cli.flags import Flags
from tfopt.cli.groups import Choice, Fields
from tfopt.cli.output import Output
from tfopt.config.fields import Config, Count, Duration, Option, Share
from tfopt.report.schema import LayerChange, Report


class Colour(Enum):
    RED = "red"


class Base(Config):
    panel: ClassVar[str] = "Of the base"

    deep: bool = False


class Kinds(Base):
    count: Annotated[Count, Field(description="How many, unless `deep`.")] = 3
    rate: float = 0.5
    share: Share = 0.1
    time: Duration | None = None
    name: str | None = None
    word: Literal["a", "b"] = "a"
    bits: Annotated[Literal[8, 4], Option("8|4")] = 8
    path: Path | None = None
    either: int | Path | None = None
    words: tuple[Literal["x", "y"], ...] = ("x",)
    numbers: list[int] = Field(default_factory=list)
    colour: Colour = Colour.RED
    loud: Annotated[bool, Option(flag="--loud/--silent", short="-l")] = True
    guessed: Annotated[bool | None, Option(flag="--yes/--no")] = None
    only: Annotated[bool, Option(flag="--only", panel="Elsewhere")] = False
    from_: Annotated[str, Option("FILE", "--from")] = "here"
    mode: Annotated[Literal["fast", "slow", "odd"], Option(flags={"fast": "Hurry.", "slow": "Wait."})] = "odd"
    kept: Annotated[int, Option(offered=False)] = 7


class Other(Config):
    depth: int = 1
    rate: float = 0.9


class Needed(Config):
    size: int


def app(kind, *choices, **options):
    """A command that takes a config and what it was last given."""
    got = []

    @command
    def go(out: Output, config: Annotated[Config, Fields(kind, *choices, **options)]) -> None:
        """Go."""
        got.append(config)

    made = typer.Typer(add_completion=False)
    made.command(cls=Command)(go)

    def run(*words):
        ended = CliRunner().invoke(made, [str(word) for word in words])
        return got.pop() if ended.exit_code == 0 else ended.stderr or ended.output

    return run


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("", {}),
        ("--count 5", {"count": 5}),
        ("--rate 2", {"rate": 2.0}),
        ("--share 50%", {"share": 0.5}),
        ("--share 0.5", {"share": 0.5}),
        ("--time 2m", {"time": 120.0}),
        ("--name 12", {"name": "12"}),
        ("--word b", {"word": "b"}),
        ("--bits 4", {"bits": 4}),
        ("--path a.b", {"path": Path("a.b")}),
        ("--either 12", {"either": 12}),
        ("--either 12.npz", {"either": Path("12.npz")}),
        ("--words y,x", {"words": ("y", "x")}),
        ("--numbers 1,2", {"numbers": [1, 2]}),
        ("--colour red", {"colour": Colour.RED}),
        ("--silent", {"loud": False}),
        ("--silent -l", {"loud": True}),
        ("--only", {"only": True}),
        ("--from there", {"from_": "there"}),
        ("--deep", {"deep": True}),
        ("--deep --no-deep", {"deep": False}),
        ("--fast", {"mode": "fast"}),
    ],
)
def test_what_is_typed_becomes_the_config(words, fields):
    assert app(Kinds)(*words.split()) == Kinds(**fields)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--count 0", "error: --count 0 is out of range: input should be greater than or equal to 1"),
        ("--share half", "error: --share half is not a share; write it like 0.005 or 0.5%"),
        ("--time 5", "error: --time 5 is not a time; write it like 90s, 10m or 1h"),
        ("--bits 3", "error: --bits 3 is out of range: input should be 8 or 4"),
        ("--words x,z", "error: --words z is not known; there are x, y"),
        ("--fast --slow", "error: --fast and --slow exclude each other; choose one"),
        ("--either 12 --kept 3", "No such option: --kept"),
    ],
)
def test_what_cannot_be_read_is_told_of_the_option(words, sentence):
    assert sentence in app(Kinds)(*words.split())


def test_the_page_shows_help_defaults_and_headings():
    ended = CliRunner().invoke(_typer_of(Kinds), ["--help"], env={"COLUMNS": "120"})
    page = " ".join(ended.output.replace("│", "").split())
    assert "--count N How many, unless --deep. [default: 3]" in page
    assert "--words <str> [default: x]" in page
    assert "--loud -l --silent [default: loud]" in page
    assert "--yes --no --from" in page  # which is neither, left out
    assert "--from FILE [default: here]" in page
    assert "--colour <str> [default: red]" in page
    assert "--numbers <str> --colour" in page
    assert page.index("Elsewhere") < page.index("--only") < page.index("Of the base") < page.index("--deep --no-deep")
    assert "--kept" not in page


def _typer_of(kind):
    @command
    def go(out: Output, config: Annotated[Config, Fields(kind)]) -> None:
        """Go."""

    made = typer.Typer(add_completion=False)
    made.command(cls=Command)(go)
    return made


def test_a_field_without_a_default_is_missed():
    assert "error: Needed needs --size" in app(Needed)()
    assert app(Needed)("--size", 3) == Needed(size=3)


def test_no_config_is_made_where_none_is_to_be():
    assert app(Needed, adjust=lambda _, given: given or None)() is None


class TestAlternatives:
    run = staticmethod(app(Kinds, Choice(Other, "other", "Take the other."), only=("count", "rate", "mode")))

    def test_the_first_is_taken_unless_another_is_chosen(self):
        assert self.run("--rate", 2) == Kinds(rate=2)
        assert self.run("--other", "--rate", 2, "--depth", 5) == Other(rate=2, depth=5)
        assert self.run("--other") == Other(rate=0.9)

    def test_what_is_for_another_one_is_refused(self):
        assert "error: --depth needs --other" in self.run("--depth", 5)
        assert "error: --count is not for --other: leave one of them out" in self.run("--count", 5, "--other")
        assert "error: --slow is not for --other: leave one of them out" in self.run("--slow", "--other")


FLAGS = Flags(
    [
        ("sparsity", ["--sparsity"], []),
        ("base", ["--from"], []),
        ("output", ["--output", "-o"], []),
        ("batch_size", ["--batch-size"], []),
        ("keep", ["--keep"], ["--drop"]),
        ("precision__int8", ["--int8"], []),
        ("precision__dynamic", ["--dynamic"], []),
    ]
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("`sparsity` 2 is out of range", "--sparsity 2 is out of range"),
        ("leave out `batch_size` and `sparsity`", "leave out --batch-size and --sparsity"),
        ("`base` takes one of each", "--from takes one of each"),
        ("use `output` for another name", "use -o for another name"),
        ("`keep` needs data, `keep` False does not", "--keep needs data, --drop does not"),
        ("`keep` True or False", "--keep or --drop"),
        ("`precision` int8, which is calibrated", "--int8, which is calibrated"),
        ("use `precision` dynamic or int8, if you can", "use --dynamic or --int8, if you can"),
        ("`precision` float16 stores", "precision float16 stores"),
        ("`epochs` is no option here", "epochs is no option here"),
        ("train one with `tfopt train`", "train one with `tfopt train`"),
        ("nothing in quotes", "nothing in quotes"),
    ],
)
def test_a_field_is_told_as_its_flag(said, told):
    assert FLAGS.translate(said) == told
    assert FLAGS.translate(told) == told


def test_the_sentences_of_a_report_are_told_of_flags_and_nothing_else_is():
    layer = LayerChange(layer="`sparsity`", kind="Dense", action="skipped", detail="`sparsity` spares it", weights=1)
    report = Report(
        command="prune", config={"name": "`sparsity`"}, data=None, measurements=[], comparisons=[], layers=[layer],
        notes=["`sparsity` 0.5 did it"],
    )  # fmt: skip
    told = FLAGS.translate_record(report)
    assert told.notes == ["--sparsity 0.5 did it"]
    assert told.layers == [layer.model_copy(update={"detail": "--sparsity spares it"})]
    assert told.model_copy(update={"notes": report.notes, "layers": report.layers}) == report


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("prune", "m.keras", "--structured", "--amount", "0.5"), "as in --structured auto --amount ..."),
        (("prune", "m.keras", "--lr", "1"), "No such option: --lr; here it is --learning-rate"),
        (("quantize", "m.keras", "--int4"), "No such option: --int4; here it is --weights int4"),
        (("compress", "m.keras"), "No such command 'compress'; here it is optimize, prune, cluster or quantize"),
        (("export", "m.keras"), "No such command 'export'; here it is convert"),
        (("info", "m.keras"), "No such command 'info'; here it is inspect"),
        (("evaluate", "cnn.kears"), "cnn.kears does not exist: did you mean cnn.keras?"),
    ],
)
def test_what_other_tools_call_otherwise_is_told(tfopt, tmp_path, arguments, words):
    (tmp_path / "cnn.keras").touch()
    ended = tfopt(*arguments)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert words in ended.err
