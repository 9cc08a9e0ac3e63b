"""Charts of a report as SVG, with colours that can be read on a dark page and on a light one."""

import io
from collections.abc import Sequence
from math import inf, isfinite
from typing import Any  # Altair's charts are of many classes that share no typed base

from markupsafe import Markup

from tfopt.report.front_table import BYTES, TITLES
from tfopt.report.schema import Measurement, Report

WIDTH, HEIGHT = 620, 260
BLUE, ORANGE, GREY = "#3f87e5", "#d9730d", "#8a8f98"  # each at least 3 to 1 against white and #16181d
INK = "currentColor"
MOST_CLASSES = 30
LIMITS = ["keeps to all limits", "exceeds a limit"]
SPLITS = ["training", "validation"]

Drawn = tuple[str, Markup]  # what a chart shows, and its SVG


def front_chart(report: Report) -> list[Drawn]:
    """Draw what each file of the front costs against what it loses, the chosen one ringed."""
    import altair as alt

    cost = next(name for name in TITLES if name in report.front[0].costs)
    rows = []
    for point in report.front:
        if cost in point.costs and isfinite(point.loss):
            low, high = (None if end is None else end * 100 for end in (point.low, point.high))
            place = {"cost": point.costs[cost] / (1e3 if cost in BYTES else 1), "loss": point.loss * 100}
            state = {"limits": LIMITS[0 if point.holds else 1], "chosen": point.chosen, "number": str(point.number)}
            rows.append(place | state | {"low": low, "high": high})
    if not rows:
        return []
    lost = "% more error" if report.front[0].gate == "max-error-growth" else "points lost"
    down = alt.Axis(title=f"{lost} on validation")
    color, shape = (
        kind("limits:N", title=None, scale=alt.Scale(domain=LIMITS, range=look))
        for kind, look in ((alt.Color, [BLUE, GREY]), (alt.Shape, ["circle", "square"]))
    )
    across = f"{TITLES[cost]}{' in kB' if cost in BYTES else ''}"
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("cost:Q", title=across, scale=alt.Scale(zero=False, padding=24), axis=alt.Axis(tickCount=8)),
        y=alt.Y("loss:Q", axis=down, scale=alt.Scale(zero=False)),
    )
    known = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
    intervals = known.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", axis=down), y2="high:Q")
    rings = base.transform_filter("datum.chosen").mark_point(size=380, strokeWidth=2.5, color=ORANGE, opacity=1)
    points = base.mark_point(size=90, filled=True, opacity=1).encode(shape=shape, color=color)
    numbers = base.mark_text(dx=16, dy=-10, color=INK).encode(text="number:N")
    said = "Cost of each file against what it loses, with intervals; the chosen one is ringed"
    return [(said, _drawn(alt.layer(intervals.encode(color=color), points, rings, numbers)))]


def history_charts(report: Report) -> list[Drawn]:
    """Draw a chart for each metric of the epochs, in training and validation."""
    names = list(dict.fromkeys(name.removeprefix("val_") for epoch in report.history for name in epoch))
    charts = ((name, _curves(report, name)) for name in names)
    line = "; the line is at the epoch whose weights were kept" if report.best_epoch else ""
    return [(f"{name.replace('_', ' ')} by epoch{line}", chart) for name, chart in charts if chart]


def _curves(report: Report, name: str) -> Markup | None:
    import altair as alt

    factor, unit = (100, " in %") if name.endswith("accuracy") else (1, "")
    rows = [
        {"epoch": number, "value": epoch[prefix + name] * factor, "split": split}
        for number, epoch in enumerate(report.history, 1)
        for prefix, split in zip(("", "val_"), SPLITS, strict=True)
        if isfinite(epoch.get(prefix + name, inf))
    ]
    last = len(report.history)
    if len({row["epoch"] for row in rows}) < 2:
        return None
    ticks = alt.Axis(title="epoch", format="d", values=list(range(1, last + 1, -(-last // 10))))
    color, dash = (
        kind("split:N", title=None, scale=alt.Scale(domain=SPLITS, range=look))
        for kind, look in ((alt.Color, [ORANGE, BLUE]), (alt.StrokeDash, [[5, 4], [1, 0]]))
    )
    curves = alt.Chart(alt.Data(values=rows)).mark_line(strokeWidth=2)
    layers = [
        curves.encode(
            x=alt.X("epoch:Q", axis=ticks, scale=alt.Scale(domain=[1, last], nice=False)),
            y=alt.Y("value:Q", title=name.replace("_", " ") + unit, scale=alt.Scale(zero=False)),
            color=color,
            strokeDash=dash,
        )
    ]
    if report.best_epoch:
        best = alt.Chart(alt.Data(values=[{"epoch": report.best_epoch}])).encode(x="epoch:Q")
        layers.append(best.mark_rule(color=INK, opacity=0.4))
    return _drawn(alt.layer(*layers), width=WIDTH // 2, height=HEIGHT - 60)


def classes_chart(measurements: Sequence[Measurement]) -> list[Drawn]:
    """Draw the share of each class that was recognized by each of these files, at most two."""
    import altair as alt

    ends = [one for one in measurements if one.classes]
    rows = [
        {"name": figure.name, "value": figure.recall * 100, "file": one.name}
        for one in ends
        for figure in (one.classes.classes if one.classes else [])
        if figure.recall is not None
    ]
    classes = list(dict.fromkeys(row["name"] for row in rows))
    if not 1 < len(classes) <= MOST_CLASSES:
        return []
    color, shape = (
        kind("file:N", title=None, scale=alt.Scale(domain=[one.name for one in ends], range=look[-len(ends) :]))
        for kind, look in ((alt.Color, [ORANGE, BLUE]), (alt.Shape, ["square", "circle"]))
    )
    dots = alt.Chart(alt.Data(values=rows)).mark_point(size=70, filled=True, opacity=0.9)
    chart = dots.encode(
        x=alt.X("value:Q", title="recall in %", scale=alt.Scale(zero=False, domainMax=100), axis=alt.Axis(tickCount=8)),
        y=alt.Y("name:N", title="class", sort=classes),
        color=color,
        shape=shape,
    )
    return [("Share of each class that was recognized (recall)", _drawn(chart, height=20 * len(classes)))]


def importance_chart(report: Report) -> list[Drawn]:
    """Draw how much each option of a search mattered."""
    import altair as alt

    rows = [{"name": name.replace("_", " "), "value": share * 100} for name, share in report.importances.items()]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(color=BLUE)
    chart = bars.encode(
        x=alt.X("value:Q", title="importance in %"),
        y=alt.Y("name:N", title=None, sort=None),
    )
    return [("Importance of each option", _drawn(chart, height=22 * len(rows)))]


def _drawn(chart: Any, width: int = WIDTH, height: int = HEIGHT) -> Markup:
    """Return a chart as SVG without a background; the page says in words what it shows."""
    written = io.StringIO()
    ink = {"labelColor": INK, "titleColor": INK}
    lines = {"domainColor": INK, "tickColor": INK, "gridColor": INK, "gridOpacity": 0.12}
    styled = (
        chart.properties(width=width, height=height)
        .configure(background="transparent", font="system-ui, sans-serif", aria=False)
        .configure_axis(**ink, **lines, labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
        .configure_legend(**ink, labelFontSize=12, orient="top", columnPadding=36)
        .configure_view(stroke=None)
    )
    styled.save(written, format="svg")
    return Markup(written.getvalue())
