"""What was fitted on a train split, and has to be the same again whenever the model it was made for is used."""

from pydantic import BaseModel, ConfigDict

from tfopt.data.scaling import Scaling
from tfopt.data.vectorizer import Vectorizer


class Fitted(BaseModel):
    """Scalings of the samples and of labels that are numbers, and vocabularies of texts; None where there is none."""

    model_config = ConfigDict(frozen=True)

    scaling: Scaling | None = None
    targets: Scaling | None = None
    vectorizer: Vectorizer | None = None
    target_vectorizer: Vectorizer | None = None
