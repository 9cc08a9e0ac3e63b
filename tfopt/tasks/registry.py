"""The rules of each task by its name, or for a data set."""

from tfopt.config.choices import Task
from tfopt.data.dataset import Dataset
from tfopt.tasks.anomaly import Anomaly
from tfopt.tasks.classification import Classification
from tfopt.tasks.forecasting import Forecasting
from tfopt.tasks.image_to_image import ImageToImage
from tfopt.tasks.multi_label import MultiLabel
from tfopt.tasks.own_loss import OwnLoss
from tfopt.tasks.regression import Regression
from tfopt.tasks.rules import TaskRules
from tfopt.tasks.segmentation import Segmentation
from tfopt.tasks.several import SeveralOutputs
from tfopt.tasks.translation import Translation

OWN = (
    Classification(), Regression(), Forecasting(), Translation(), Segmentation(), ImageToImage(), SeveralOutputs(),
    OwnLoss(), MultiLabel(), Anomaly(),
)  # fmt: skip
RULES: dict[Task, TaskRules] = {rules.task: rules for rules in OWN}


def rules_of(task: Task) -> TaskRules:
    """Return the rules of a task.

    Example:
        >>> rules_of("classification").counts_right
        True
    """
    return RULES[task]


def rules_for(data: Dataset) -> TaskRules:
    """Return the rules of the task of `data`, for several outputs with those of each, else with the loss of a model."""
    if data.task == "compiled":
        return OwnLoss(data.loss)
    if data.task == "anomaly":
        return Anomaly.of(data)
    if not data.outputs:
        return RULES[data.task]
    return SeveralOutputs.of(data, [RULES[one.task] for one in data.outputs])
