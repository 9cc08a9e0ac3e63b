"""How sparsity grows during fine-tuning (Zhu & Gupta 2017, "To prune, or not to prune", arXiv:1710.01878, eq. 1)."""

from tfopt.config.choices import Schedule


def sparsity_at(step: int, *, final: float, ramp: int, schedule: Schedule, initial: float = 0.0) -> float:
    """Sparsity that holds at training step `step` (from 0).

    `cubic` rises from `initial` to `final` over `ramp` steps: s = s_f + (s_i - s_f) (1 - t / n)^3; `constant` and
    `one-shot` are at `final` from the first step.
    """
    if schedule != "cubic" or step >= ramp:
        return final
    return final + (initial - final) * (1 - step / ramp) ** 3
