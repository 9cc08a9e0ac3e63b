"""The table of a search's trials: the best first, then the pruned, then the failed."""

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.figures import EMPTY
from tfopt.report.schema import Report, TrialResult

MAX_TRIALS = 8
ORDER = ("complete", "pruned", "failed")
TITLES = {"accuracy": "accuracy", "mae": "MAE", "loss": "loss"}


def render_trials(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """Return the table of trials, at most eight unless `everything` is wanted, and the importance of options."""
    if not report.trials:
        return []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("trial", justify="right")
    table.add_column(
        f"validation {TITLES.get(report.trials[0].measure, report.trials[0].measure)}", justify="right", max_width=10
    )
    for title in ("weights", "epochs", "time"):
        table.add_column(title, justify="right")
    table.add_column("options", overflow="fold")
    trials = sorted(report.trials, key=_place)
    shown = trials if everything else trials[:MAX_TRIALS]
    for trial in shown:
        table.add_row(*_cells(trial), style="" if trial.state == "complete" else "dim")
    if len(shown) < len(trials):
        table.add_row("...", *[""] * 4, f"{len(trials) - len(shown)} more in the report and with -v", style="dim")
    parts: list[RenderableType] = [table]
    if report.importances:
        weighed = ", ".join(f"{_words(name)} {share:.0%}" for name, share in report.importances.items())
        parts.append(Text(f"importance: {weighed}"))
    return parts


def _place(trial: TrialResult) -> tuple[int, float, int, int]:
    score = trial.score if trial.score is not None else float("inf")
    better = -score if trial.higher_is_better else score
    return ORDER.index(trial.state), better, trial.weights or 0, trial.number


def _cells(trial: TrialResult) -> tuple[str, ...]:
    score = (
        EMPTY if trial.score is None else f"{trial.score:.2%}" if trial.measure == "accuracy" else f"{trial.score:.4g}"
    )
    weights = EMPTY if trial.weights is None else f"{trial.weights:,}"
    options = ", ".join(f"{_words(name)} {_value(value)}" for name, value in trial.options.items())
    state = {"complete": "", "pruned": "pruned: ", "failed": f"failed, {trial.reason}: "}[trial.state]
    return str(trial.number), score, weights, str(trial.epochs), f"{trial.seconds:.3g} s", escape(state + options)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2g}" if isinstance(value, float) else str(value)
