"""A small example of every kind of task: its data, its model where there is no builder, and inputs to answer.

Data are made up by rules that a model can learn. Where `shared` names a folder of real data, a small part of a file of
it takes their place. Each example is written to the current folder.
"""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

Figure = Literal["accuracy", "deviation", "bleu", "metric", "outputs"]
Arrays = dict[str, Any]
COUNT = 400
TINY = ("--size", "tiny")  # where a small model would take long


class Example(NamedTuple):
    """A task as somebody would bring it.

    Attributes:
        prepare: Writes the data, and the model unless `train` makes it; a folder of real data may be there.
        figure: What reports measure its answers by.
        data: The options that say the data.
        predict: What `predict` is given.
        train: Further options of `train`.
        model: The model that is changed.
        student: What `distill` is told to teach.
        brought: Whether the model was made without tfopt, so that it remembers no data.
    """

    prepare: Callable[[Path | None], None]
    figure: Figure
    data: tuple[str, ...]
    predict: tuple[str, ...]
    train: tuple[str, ...] = ()
    model: str = "model.keras"
    student: tuple[str, ...] = ()
    brought: bool = False


def numbers(classes: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of eight numbers, and what follows from them: an amount, or one of some classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(COUNT, 8)).astype(np.float32)
    amount = x[:, 0] * 2 + x[:, 1] - x[:, 2] * x[:, 3] + rng.normal(0, 0.1, COUNT)
    ends = np.quantile(amount, np.arange(1, classes) / classes) if classes else []
    return x, np.digitize(amount, ends) if classes else amount


def table(path: str, columns: dict[str, Any]) -> None:
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))


def table_of_numbers(path: str, x: np.ndarray, **labels: Any) -> None:
    table(path, {f"n{at}": column for at, column in enumerate(x.T)} | labels)
    table("some.csv", {f"n{at}": column for at, column in enumerate(x[:5].T)})


def part(shared: Path | None, name: str, rows: int = 1000) -> Arrays:
    """The first rows of each array of a real file; nothing where there is none."""
    if shared is None or not (shared / name).exists():
        return {}
    with np.load(shared / name) as found:
        return {key: found[key][:rows] for key in found if found[key].ndim}


def lines(shared: Path | None, name: str, every: int) -> list[list[str]]:
    """Some rows of a real table of texts; none where there is no such table."""
    if shared is None or not (shared / name).exists():
        return []
    with gzip.open(shared / name, "rt", encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in list(file)[::every]]


def binary(shared: Path | None) -> None:
    x, y = numbers(2)
    if real := part(shared, "koi_exoplanets.npz"):
        x, y = real["x"], real["y"]
    table_of_numbers("rows.csv", x, label=np.where(y, "yes", "no"))


def multi_class(shared: Path | None) -> None:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    made = {"x": (bunch.images * 15).astype(np.uint8)[:COUNT], "y": bunch.target[:COUNT]}
    real = part(shared, "fashion_mnist_dev.npz") or made
    np.savez("images.npz", **real)
    np.savez("some.npz", x=next(iter(real.values()))[:5])


def multi_label(_: Path | None) -> None:
    x, _ = numbers()
    table_of_numbers("rows.csv", x, news=x[:, 0] > 0, sport=x[:, 1] + x[:, 2] > 0.5, weather=x[:, 3] > 1)
    text = Path("rows.csv").read_text(encoding="utf-8").replace("True", "1").replace("False", "0")
    Path("rows.csv").write_text(text, encoding="utf-8")


def regression(shared: Path | None) -> None:
    x, y = numbers()
    if real := part(shared, "california_housing.npz"):
        x, y = real["x_train"], real["y_train"]
    table_of_numbers("rows.csv", x, target=y)


def forecasting(shared: Path | None) -> None:
    hours = np.arange(2000)
    noise = np.random.default_rng(0).normal(0, 0.3, (2000, 2))
    values = np.stack([np.sin(hours * np.pi / 12), np.cos(hours * np.pi / 12) + hours / 1000], axis=1) + noise
    values = part(shared, "etth1.npz", 2000).get("values", values)
    times = np.datetime64("2024-01-01T00") + hours
    table("power.csv", {"time": times} | {f"v{at}": column for at, column in enumerate(values.T)})


def translation(shared: Path | None) -> None:
    from tfopt.data.synthetic.number_words import make_number_words

    rows = [row[1:] for row in lines(shared, "multi30k_en_de.tsv.gz", 30)]
    if not rows:
        raw = make_number_words()
        rows = list(zip(raw.x[:COUNT], raw.y[:COUNT], strict=True))
    source, target = zip(*rows, strict=True)
    table("pairs.csv", {"source": source, "target": target})
    table("some.csv", {"source": source[:3]})


def texts(shared: Path | None) -> None:
    from tfopt.data.synthetic.phrases import make_phrases

    if rows := lines(shared, "sms_spam.tsv.gz", 5):
        labels, said = zip(*rows, strict=True)
    else:
        raw = make_phrases()
        said, labels = raw.x[:COUNT], np.array(raw.class_names)[raw.y[:COUNT]]
    table("texts.csv", {"text": said, "label": labels})


def segmentation(_: Path | None) -> None:
    from tfopt.data.synthetic.shapes import make_shapes

    raw = make_shapes()
    np.savez("masks.npz", x=raw.x[:200], y=raw.y[:200])
    np.savez("some.npz", x=raw.x[:3])


def image_to_image(shared: Path | None) -> None:
    from tfopt.data.synthetic.shapes import make_shapes

    x = part(shared, "fashion_mnist_dev.npz", 300).get("x_train", make_shapes().x[:300])
    np.savez("images.npz", x=x)
    np.savez("some.npz", x=x[:3])


def anomaly(shared: Path | None) -> None:
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(COUNT, 3)) @ rng.normal(size=(3, 12)) + 0.1 * rng.normal(size=(COUNT, 12))
    strange = rng.normal(0, 1.5, (80, 12))
    if real := part(shared, "fashion_mnist_dev.npz", 4000):
        x = real["x_train"].reshape(len(real["x_train"]), -1) / 255
        normal, strange = x[real["y_train"] == 0], x[real["y_train"] == 8][:80]  # shirts, and bags among them
    test = np.concatenate([normal[-80:], strange]).astype(np.float32)
    np.savez("parts.npz", x_train=normal[:-80].astype(np.float32), x_test=test, y_test=np.repeat([0, 1], 80))
    np.savez("some.npz", x=test[-3:])


def several_outputs(_: Path | None) -> None:
    """An image and two numbers, of which a class and two amounts are told."""
    import keras
    from keras import layers

    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, COUNT)
    pose = rng.normal(size=(COUNT, 2)).astype(np.float32)
    images = rng.integers(0, 100, (COUNT, 12, 12, 1)).astype(np.uint8)
    images[np.arange(COUNT), kind * 4 + 1, 2:10] = 255
    y = {"y.kind": np.array(["cat", "dog", "fox"])[kind], "y.box": pose @ [[1, 2], [0, -1]] + kind[:, None]}
    np.savez("faces.npz", **{"x.image": images, "x.pose": pose, **y})
    np.savez("some.npz", image=images[:3], pose=pose[:3])
    for width, name in ((8, "model.keras"), (4, "student.keras")):
        keras.utils.set_random_seed(0)
        image, extra = keras.Input((12, 12, 1), name="image"), keras.Input((2,), name="pose")
        x = layers.Conv2D(width, 3, activation="relu", name="conv1")(image)
        x = layers.Conv2D(2 * width, 3, activation="relu", name="conv2")(x)
        x = layers.Concatenate(name="joined")([layers.Flatten(name="flat")(x), extra])
        x = layers.Dense(4 * width, activation="relu", name="hidden")(x)
        heads = {"kind": layers.Dense(3, "softmax", name="kind")(x), "box": layers.Dense(2, name="box")(x)}
        model = keras.Model({"image": image, "pose": extra}, heads)
        model.compile("adam", {"kind": "sparse_categorical_crossentropy", "box": "mse"})
        model.save(name)


def compiled(_: Path | None) -> None:
    """Distributions of three numbers, whose distance the loss of the model measures."""
    import keras
    from keras import layers

    x, _ = numbers()
    grown = np.exp(x[:, :3])
    np.savez("own.npz", x=x, y=(grown / grown.sum(axis=1, keepdims=True)).astype(np.float32))
    np.savez("some.npz", x=x[:3])
    for width, name in ((32, "model.keras"), (8, "student.keras")):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8,), name="numbers")
        hidden = layers.Dense(width, activation="relu", name="hidden1")(inputs)
        hidden = layers.Dense(width, activation="relu", name="hidden2")(hidden)
        model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="shares")(hidden))
        model.compile("adam", "kl_divergence")
        model.save(name)


def audio(_: Path | None) -> None:
    from scipy.io import wavfile

    rng = np.random.default_rng(0)
    for at in range(80):
        for name, hertz in (("low", 400), ("high", 2500)):
            folder = Path("sounds") / name
            folder.mkdir(parents=True, exist_ok=True)
            wave = np.sin(2 * np.pi * (hertz + 5 * at) * np.arange(2400) / 8000) + rng.normal(0, 0.2, 2400)
            wavfile.write(folder / f"{at:02}.wav", 8000, (wave * 12000).astype(np.int16))


def hub(_: Path | None) -> None:
    import tensorflow as tf

    from tests import hub_models

    rng = np.random.default_rng(0)
    for at in range(100):
        for name, bright in (("dark", 60), ("light", 190)):
            folder = Path("photos") / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(rng.normal(bright, 30, (32, 32, 3)), 0, 255).astype(np.uint8)
            (folder / f"{at:02}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    hub_models.randomized(hub_models.resnet()).save_to_preset("hub")


EXAMPLES = {
    "binary classification": Example(binary, "accuracy", ("--data", "rows.csv"), ("--file", "some.csv")),
    "multi-class classification": Example(
        multi_class, "accuracy", ("--data", "images.npz"), ("--file", "some.npz"), TINY
    ),
    "multi-label classification": Example(
        multi_label, "accuracy", ("--data", "rows.csv", "--label", "news,sport,weather"), ("--file", "some.csv")
    ),
    "regression": Example(regression, "deviation", ("--data", "rows.csv"), ("--file", "some.csv")),
    "forecasting": Example(
        forecasting, "deviation", ("--data", "power.csv", "--window", "24", "--horizon", "6"), ("--file", "power.csv")
    ),
    "translation": Example(translation, "bleu", ("--data", "pairs.csv"), ("--file", "some.csv"), TINY),
    "segmentation": Example(
        segmentation, "accuracy", ("--data", "masks.npz"), ("--file", "some.npz", "-o", "answers", "--force"), TINY
    ),
    "image to image": Example(
        image_to_image,
        "deviation",
        ("--data", "images.npz", "--target", "inputs"),
        ("--file", "some.npz", "-o", "answers", "--force"),
        TINY,
    ),
    "anomaly detection": Example(
        anomaly, "metric", ("--data", "parts.npz", "--task", "anomaly"), ("--file", "some.npz")
    ),
    "several outputs": Example(
        several_outputs,
        "outputs",
        ("--data", "faces.npz"),
        ("--file", "some.npz"),
        student=("--student", "student.keras"),
        brought=True,
    ),
    "the model's own loss": Example(
        compiled,
        "deviation",
        ("--data", "own.npz", "--task", "compiled"),
        ("--file", "some.npz"),
        student=("--student", "student.keras"),
        brought=True,
    ),
    "text classification": Example(texts, "accuracy", ("--data", "texts.csv"), ("the staff was friendly",), TINY),
    "sounds": Example(audio, "accuracy", ("--data", "sounds"), ("sounds/low/00.wav", "sounds/high/01.wav"), TINY),
    "KerasHub image classifier": Example(
        hub,
        "accuracy",
        ("--data", "photos"),
        ("photos/dark/00.png", "photos/light/00.png"),
        model="keras-hub:hub",
        brought=True,
    ),
}
