"""A report as a page of HTML: well formed, without a network, with a section for what is there and nothing else."""

import re
from html.parser import HTMLParser

import pytest

from tests.conftest import SAMPLES
from tfopt.report.changes import AccuracyChange, Comparison
from tfopt.report.front import FrontPoint
from tfopt.report.html.page import html_page
from tfopt.report.metrics import ClassFigure, ClassTable
from tfopt.report.schema import (
    Accuracy,
    GateResult,
    GroupLoss,
    LayerChange,
    LayerError,
    Measurement,
    OutputScore,
    Report,
    TrialResult,
)
from tfopt.runtime import packages

VOID = {"meta", "link", "br", "hr", "img", "input"}
ATTACK = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The tags of a page: each is closed in turn; the sections, headings and text that it has."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sections, self.headings, self.tables, self.texts = [], [], [], [], []
        self.policy = None
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(values["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append(0)
        if tag == "caption":
            self.tables[-1] += 1
        if tag == "th":
            assert values["scope"] in ("col", "row")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        assert tag not in ("script", "link", "iframe", "object")
        assert not any(name.startswith("on") for name in values)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def accuracy(correct):
    return Accuracy(correct=correct, total=1000, value=correct / 1000, low=correct / 1000 - 0.01, high=0.999)


def measurement(name, correct, size, **others):
    return Measurement(
        name=name, format="keras", file_bytes=size, gzip_bytes=size, parameters=10, nonzero_parameters=9, macs=5,
        accuracy=accuracy(correct), latency=None, **others,
    )  # fmt: skip


def report(**others):
    models = [measurement("big.keras", 912, 40_000), measurement("small.keras", 897, 10_000)]
    change = AccuracyChange(
        against="big.keras", change=-0.015, low=-0.0271, high=0.0042, lost=30, won=15, p_value=0.03, verdict="worse"
    )
    compared = [Comparison(name="small.keras", size=None, accuracy=change, latency=None)]
    given = {"command": "compare", "config": {}, "data": None, "measurements": models, "comparisons": compared}
    return Report(**given | others)


def point(number, **others):
    usual = {
        "made": "int8",
        "loss": 0.01 * number,
        "low": -0.01,
        "high": 0.04,
        "holds": number < 3,
        "chosen": number == 2,
    }
    return FrontPoint(
        number=number, file=f"point-{number}.tflite", costs={"size": 9e4 - 1e4 * number},
        gate="max-drop", **usual | others,
    )  # fmt: skip


CLASSES = ClassTable(
    classes=[ClassFigure(name=name, precision=0.5, recall=0.8125, f1=0.6, support=9) for name in "ab"],
    confusion=[[7, 2], [1, 8]],
)
EPOCHS = [{"loss": 0.9, "accuracy": 0.4321, "val_accuracy": 0.3579}, {"loss": 0.5, "accuracy": 0.7654}]
PARTS = {
    "front": {"front": [point(1), point(2), point(3)]},
    "outputs": {
        "measurements": [measurement("a", 912, 1, outputs_scored=[OutputScore(name="left", accuracy=accuracy(654))])]
    },
    "history": {"history": EPOCHS, "best_epoch": 2},
    "layers": {"layers": [LayerChange(layer="dense", kind="Dense", action="skipped", detail="too small", weights=3)]},
    "errors": {"errors": [LayerError(layer="dense", kind="Dense", added_noise=0.1, snr_db=None, cosine=0.9)]},
    "groups": {"groups": [GroupLoss(group="g", kind="k", channels=4, removed=2, macs=1, bytes=4, increase=0.1)]},
    "classes": {"measurements": [measurement("a", 912, 1, classes=CLASSES)]},
    "trials": {
        "trials": [
            TrialResult(
                number=0, state="complete", measure="accuracy", score=0.8642, weights=3, epochs=1, seconds=1,
                options={}, pid=1,
            )
        ]
    },
    "importances": {"importances": {"learning_rate": 0.75, "batch": 0.25}},
    "gates": {"gates": [GateResult(gate="max-size", name="small.keras", limit=5000, found=10_000, passed=False)]},
    "notes": {"notes": ["nothing was left out"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    return {name: html_page(report(**part)) for name, part in PARTS.items()}


@pytest.mark.parametrize("part", PARTS)
def test_a_section_stands_where_the_report_has_it_and_nowhere_else(pages, part):
    page = Page(pages[part])
    order = ["front", "measurements", *list(PARTS)[1:], "made"]
    assert page.sections == [name for name in order if name in (part, "measurements", "made")]


@pytest.mark.parametrize("part", PARTS)
def test_a_page_needs_no_network_runs_no_script_and_can_be_read_aloud(pages, part):
    page = Page(pages[part])
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", pages[part]))
    assert page.headings == [1] + [2] * len(page.sections)
    assert page.tables
    assert set(page.tables) == {1}  # each has a caption
    assert pages[part].count("<svg") == pages[part].count('role="img"')


def test_charts_stand_beside_their_tables(pages):
    charts = {name: page.count("<svg") for name, page in pages.items() if "<svg" in page}
    assert charts == {"front": 1, "history": 2, "classes": 1, "importances": 1}


def test_names_are_escaped_on_the_page_and_in_charts():
    layer = LayerChange(layer=ATTACK, kind="Dense", action="pruned", detail=ATTACK, weights=3)
    classes = ClassTable(classes=[one.model_copy(update={"name": ATTACK + one.name}) for one in CLASSES.classes])
    models = [measurement(ATTACK, 912, 1, classes=classes)]
    page = html_page(
        report(
            measurements=models, layers=[layer], warnings=[ATTACK], notes=[ATTACK], front=[point(1, made=ATTACK)],
            importances={ATTACK: 1.0}, config={ATTACK: ATTACK}, output=ATTACK, command=ATTACK,
        )
    )  # fmt: skip
    Page(page)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 10


def test_every_accuracy_of_the_report_stands_on_the_page(pages):
    control = measurement("control", 888, 40_000)
    page = html_page(report(control=control))
    for value in ("91.20%", "89.70%", "88.80%"):
        assert value in page
    for part, values in {
        "history": ("43.21%", "35.79%", "76.54%"), "outputs": ("65.40%",), "classes": ("81.2%",), "trials": ("86.42%",),
    }.items():  # fmt: skip
        assert all(value in pages[part] for value in values), part


def test_the_verdict_says_limits_size_and_loss_in_a_sentence(pages):
    sentence = (
        "FAILED: 1 of 1 limit exceeded; small.keras has 10.0 kB, 75.0% less than big.keras;"
        " test accuracy -1.50 points (95 % interval -2.71 to +0.42)."
    )
    assert f'<p class="verdict exceeded">{sentence}</p>' in pages["gates"]
    assert 'class="verdict plain">small.keras has' in pages["notes"]


def test_a_loss_without_an_end_and_an_epoch_that_is_no_number_leave_a_gap():
    front = [point(1), point(2, loss=float("inf"), low=None, high=None)]
    history = [{"loss": float("nan")}, {"loss": 2.0}, {"loss": 1.0}]
    page = html_page(report(front=front, history=history))
    assert page.count("<svg") == 2
    assert ">nan<" in page


def test_two_thousand_layers_make_a_page_of_less_than_1_5_megabytes():
    layers = [
        LayerChange(layer=f"block_{n}_conv", kind="Conv2D", action="pruned", detail="weights of 3", weights=n)
        for n in range(2000)
    ]
    page = html_page(report(layers=layers))
    Page(page)
    assert "block_1999_conv" in page
    assert len(page.encode()) < 1_500_000


def test_a_report_on_disk_is_shown_and_made_a_page(tfopt, tmp_path):
    (tmp_path / "a.json").write_text(report(**PARTS["gates"]).model_dump_json())
    ended = tfopt("report", "a.json", "--html", "a.html")
    assert (ended.code, "small.keras" in ended.out, "wrote a.html" in ended.err) == (1, True, True)
    assert Page((tmp_path / "a.html").read_text()).sections == ["measurements", "gates", "made"]


def test_bad_input_is_one_sentence_and_nothing_is_replaced(tfopt, tmp_path, monkeypatch):
    (tmp_path / "good.json").write_text(report().model_dump_json())
    (tmp_path / "damaged.json").write_text('{"command": "tr')
    (tmp_path / "other.json").write_text('{"command": "train"}')
    (tmp_path / "there.html").write_text("mine")
    for arguments, said in (
        (("nothing.json",), "cannot read the report nothing.json"),
        (("damaged.json",), "damaged.json is no report of tfopt"),
        (("other.json",), "other.json is no report of tfopt: config"),
        (("good.json", "--html", "there.html"), "there.html exists"),
        (("good.json", "--html", "good.json", "--force"), "good.json is the input itself"),
    ):
        ended = tfopt("report", *arguments)
        assert (ended.code, ended.out, ended.err.count("\n"), said in ended.err) == (2, "", 1, True), ended.err
    assert (tmp_path / "there.html").read_text() == "mine"
    assert tfopt("report", "good.json", "--html", "there.html", "--force", "-q").code == 0

    def missing(package):
        raise packages.PackageNotFoundError(package)

    monkeypatch.setattr(packages, "version", missing)
    ended = tfopt("report", "good.json", "--html", "new.html")
    assert (ended.code, "pip install 'tfopt[html]'" in ended.err, (tmp_path / "new.html").exists()) == (2, True, False)


def test_evaluate_writes_the_page_and_refuses_before_it_measures(tfopt, tmp_path):
    model = SAMPLES / "digits-mlp.keras"
    ended = tfopt("evaluate", model, "--html", "mlp.html", "--json")
    assert ended.code == 0
    page = (tmp_path / "mlp.html").read_text()
    assert f"{ended.report['measurements'][0]['accuracy']['value']:.2%}" in page
    assert "digits" in Page(page).texts
    ended = tfopt("evaluate", model, "--html", "mlp.html")
    assert (ended.code, "mlp.html exists" in ended.err, ended.out) == (2, True, "")


def test_another_file_of_a_front_has_no_page_of_its_own(tfopt):
    ended = tfopt("optimize", SAMPLES / "digits-mlp.keras", "--pick", "1", "--html", "front.html")
    assert (ended.code, "`tfopt report`" in ended.err) == (2, True)
