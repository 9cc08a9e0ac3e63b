"""Charts of a report as SVG, with colours that can be read on a dark page and on a light one."""

import io
from collections.abc import Sequence
from typing import Any  # Altair's charts are of many classes that share no typed base

from markupsafe import Markup

from tfopt.report.front_table import BYTES, TITLES
from tfopt.report.schema import Report

WIDTH, HEIGHT = 620, 260
BLUE, ORANGE, GREY = "#3f87e5", "#d9730d", "#8a8f98"  # each at least 3 to 1 against white and #16181d
INK = "currentColor"
MOST_CLASSES = 30


def front_chart(report: Report) -> Markup:
    """Draw what each file of the front costs against what it loses, the chosen one ringed."""
    import altair as alt

    cost = next(name for name in TITLES if name in report.front[0].costs)
    scale = 1e3 if cost in BYTES else 1
    title = f"{TITLES[cost]}{' in kB' if cost in BYTES else ''}"
    rows = []
    for point in report.front:
        low, high = (None, None) if point.low is None or point.high is None else (point.low * 100, point.high * 100)
        place = {"cost": point.costs.get(cost, 0) / scale, "loss": point.loss * 100, "low": low, "high": high}
        limits = "keeps to all limits" if point.holds else "exceeds a limit"
        rows.append(place | {"number": str(point.number), "limits": limits, "chosen": point.chosen})
    lost = "% more error" if report.front[0].gate == "max-error-growth" else "points lost"
    x = alt.X("cost:Q", title=title, scale=alt.Scale(zero=False, nice=True, padding=24))
    y = alt.Y("loss:Q", title=f"{lost} on validation")
    names = ["keeps to all limits", "exceeds a limit"]
    color = alt.Color("limits:N", title=None, scale=alt.Scale(domain=names, range=[BLUE, GREY]))
    base = alt.Chart(alt.Data(values=rows))
    intervals = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, opacity=0.6)
    rings = base.transform_filter("datum.chosen").mark_point(size=380, strokeWidth=2.5, color=ORANGE, opacity=1)
    points = base.mark_point(size=90, filled=True, opacity=1)
    numbers = base.mark_text(dx=16, dy=-10, color=INK)
    return _drawn(
        alt.layer(
            intervals.encode(x=x, y=alt.Y("low:Q", title=f"{lost} on validation"), y2="high:Q", color=color),
            points.encode(x=x, y=y, color=color, shape=alt.Shape("limits:N", title=None, sort=names)),
            rings.encode(x=x, y=y),
            numbers.encode(x=x, y=y, text="number:N"),
        )
    )


def history_charts(report: Report) -> list[tuple[str, Markup]]:
    """Draw a chart for each metric of the epochs, in training and validation, each with its name."""
    names = list(dict.fromkeys(name.removeprefix("val_") for epoch in report.history for name in epoch))
    charts = ((name, _curves(report, name)) for name in names)
    return [(name.replace("_", " "), chart) for name, chart in charts if chart]


def _curves(report: Report, name: str) -> Markup | None:
    import altair as alt

    factor, unit = (100, " in %") if name.endswith("accuracy") else (1, "")
    rows = [
        {"epoch": number, "value": epoch[prefix + name] * factor, "split": split}
        for number, epoch in enumerate(report.history, 1)
        for prefix, split in (("", "training"), ("val_", "validation"))
        if prefix + name in epoch
    ]
    if len({row["epoch"] for row in rows}) < 2:
        return None
    ticks = alt.Axis(format="d", tickMinStep=1)
    curves = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("epoch:Q", title="epoch", axis=ticks, scale=alt.Scale(domain=[1, len(report.history)])),
        y=alt.Y("value:Q", title=name.replace("_", " ") + unit, scale=alt.Scale(zero=False)),
        color=_splits("training", "validation"),
    )
    dashes = alt.StrokeDash("split:N", title=None, scale=alt.Scale(range=[[5, 4], [1, 0]]))
    layers = [curves.mark_line(strokeWidth=2).encode(strokeDash=dashes)]
    if report.best_epoch:
        best = alt.Chart(alt.Data(values=[{"epoch": report.best_epoch}])).encode(x="epoch:Q")
        layers.append(best.mark_rule(color=INK, opacity=0.5, strokeDash=[2, 3]))
    return _drawn(alt.layer(*layers), width=WIDTH // 2 - 40, height=HEIGHT - 60)


def _splits(*names: str) -> Any:
    import altair as alt

    return alt.Color("split:N", title=None, scale=alt.Scale(domain=names, range=[GREY, BLUE]))


def importance_chart(report: Report) -> Markup:
    """Draw how much each option of a search mattered."""
    rows = [(name.replace("_", " "), share * 100) for name, share in report.importances.items()]
    return _bars(rows, "option", "importance in %")


def _bars(rows: Sequence[tuple[str, float]], kind: str, title: str) -> Markup:
    import altair as alt

    values = [{"name": name, "value": value} for name, value in rows]
    bars = alt.Chart(alt.Data(values=values)).mark_bar(color=BLUE)
    order = alt.Y("name:N", title=kind, sort=None)
    return _drawn(bars.encode(x=alt.X("value:Q", title=title), y=order), height=22 * len(rows))


def _drawn(chart: Any, width: int = WIDTH, height: int = HEIGHT) -> Markup:
    """Return a chart as SVG without a background; the page says in words what it shows."""
    written = io.StringIO()
    ink = {"labelColor": INK, "titleColor": INK}
    lines = {"domainColor": INK, "tickColor": INK, "gridColor": INK, "gridOpacity": 0.12}
    styled = (
        chart.properties(width=width, height=height)
        .configure(background="transparent", font="system-ui, sans-serif", aria=False)
        .configure_axis(**ink, **lines, labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
        .configure_legend(**ink, labelFontSize=12, orient="top")
        .configure_view(stroke=None)
    )
    styled.save(written, format="svg")
    return Markup(written.getvalue())
