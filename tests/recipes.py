"""A recipe of two quick steps, and recipes that are wrong, with what is said of each."""

import shutil

from tests.conftest import SAMPLES

QUICK = """source: m.keras
steps:
  - technique: prune
    config: {schedule: one-shot}
  - technique: cluster
    config: {epochs: 1, clusters: 8}
"""

NAMED = "line 3: model must be a name of at most 200 bytes that can be printed"
BOMB = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else '*a'] * 9)}]\n" for i in range(9))
WRONG = {  # what the schema refuses as well
    "steps:\n  - technique: prun\n": "line 2: there is no technique prun: did you mean prune?",
    "steps:\n  - technique: prune\n    config:\n      sparsty: 0.5\n": (
        "line 4: PruneConfig has no sparsty: did you mean sparsity?"
    ),
    "steps:\n  - technique: prune\n    config:\n      epochs: 2\n      sparsity: much\n": (
        "line 5: sparsity much is not a share"
    ),
    "steps:\n  - technique: prune\n    config: {sparsity: 3}\n": "line 3: sparsity 3 is more than the whole; did",
    "steps:\n  - technique: prune\n    config: {sparsity: [1]}\n": "line 3: sparsity [1] is of the wrong type",
    "steps:\n  - technique: prune\n    config: {epochs: 1.5}\n": "line 3: epochs 1.5",
    "steps:\n  - technique: prune\n    config: {epochs: 0}\n": "line 3: epochs 0 is out of range",
    "steps:\n  - technique: prune\n    config: {schedule: square}\n": (
        "line 3: schedule square is not known; there are"
    ),
    "steps:\n  - technique: prune\n    config: 3\n": "line 3: config 3 is of the wrong type",
    "steps:\n  - technique: prune\n    conf: {}\n": "line 3: RecipeStep has no conf: did you mean config?",
    "steps:\n  - config: {}\n": "line 2: RecipeStep needs technique",
    "steps:\n  - technique: [prune]\n": "line 2: technique ['prune'] is of the wrong type",
    "steps: prune\n": "line 1: steps prune is of the wrong type",
    "steps: []\n": "line 1: steps is empty: a recipe has at least one",
    "source: model.keras\n": "line 1: Recipe needs steps",
    "source: 5\nsteps:\n  - technique: prune\n": "line 1: source 5 is of the wrong type",
    "step:\n  - technique: prune\n": "line 1: Recipe ",
    "steps:\n  - technique: prune\ncolour: red\n": "line 3: Recipe has no colour",
    "steps:\n  - technique: prune\ndata: {sorce: digits}\n": ("line 3: DataConfig has no sorce: did you mean source?"),
    "steps:\n  - technique: prune\ndata:\n  scale: huge\n": "line 4: scale huge is not known",
    "steps:\n  - technique: prune\ndata: {validation: 2}\n": "line 3: validation 2 is more than the whole",
    "steps:\n  - technique: prune\ngates:\n  max_drop: a lot\n": "line 4: max_drop a lot is not a share",
    "steps:\n  - technique: prune\ngates: {max_size: -1}\n": "line 3: max_size -1",
    "steps:\n  - technique: prune\ngates: {max_loss: 1%}\n": "line 3: Gates has no max_loss",
    "steps:\n  - technique: prune\noutputs: {emit: rust}\n": "line 3: emit rust is not known; there are c",
    "steps:\n  - technique: prune\noutputs: {model: 3}\n": "line 3: model 3 is of the wrong type",
    "steps:\n  - technique: quantize\n    config: {weights: int5}\n": "line 3: weights int5 is not known",
    "steps:\n  - technique: distill\n    config:\n      alpha: 2\n": "line 4: alpha 2 is more than the whole",
    "steps:\n  - technique: cluster\n    config: {clusters: 1}\n": "line 3: clusters 1 is out of range",
    "steps:\n  - technique: structured\n    config: {amount: 0}\n": "line 3: amount 0 is out of range",
    "steps:\n  - technique: convert\n    config: {sparse: maybe}\n": "line 3: sparse maybe is not known",
    "steps:\n  - technique: qat\n    config: {layer_bits: {a: 5}}\n": "line 3: layer_bits",
    "steps:\n  - technique: to-keras\n    config: {epochs: 1}\n": "line 3: ToKerasConfig has no epochs",
}
BEYOND = {
    "steps:\n  - technique: quantize\n  - technique: cluster\n": (
        "line 3: quantize gives a .tflite file, but cluster takes a Keras model: swap them"
    ),
    "steps:\n  - technique: structured\n    config: {amount: 0.5, target_macs: 0.5}\n": (
        "line 3: amount and target_macs"
    ),
    "steps:\n  - technique: prune\noutputs: {model: x.tflite}\n": (
        "line 3: model x.tflite must be a name that ends in .keras"
    ),
    "steps:\n  - technique: prune\noutputs: {model: ../x.keras}\n": "line 3: model ../x.keras must be a name",
    "steps:\n  - technique: prune\noutputs: {emit: c}\n": "line 3: emit c is for a .tflite file",
    "extends: r.yaml\n": "line 1: r.yaml extends this recipe in turn",
    "extends: other.yaml\n": "line 1: extends other.yaml: ",
    "extends: [a]\n": "line 1: extends must be the path of a recipe",
    "steps: !!python/object/apply:os.system [ls]\n": "line 1: the tag python/object/apply:os.system is refused",
    "steps: !technique prune\n": "line 1: the tag !technique is refused",
    BOMB: "aliases make this file more than 20,000 values",
    "steps: &a [*a]\n": "aliases make this file more than",
    "steps: [\nsource: x\n": "line 3: this is no YAML",
    "steps: []\nsteps: []\n": "line 2: this is no YAML and so not a recipe: found duplicate key",
    "steps: []\n---\nsteps: []\n": "line 2: this is no YAML",
    "- prune\n": "it does not hold fields",
    "": "it does not hold fields",
    "1: x\n": "line 1: a field is named by a word",
    "steps: " + "[" * 3000 + "]" * 3000 + "\n": "nested too deep",
    "\x00": "no YAML",
    "source: 2001-99-99\nsteps: []\n": "month must be in 1..12",
    "source: !!int abc\nsteps: []\n": "r.yaml is not a recipe: ",
    "source: !!bool abc\nsteps: []\n": "r.yaml is not a recipe: ",
    'extends: "a\\0"\n': "line 1: extends a",
    "extends: ''\n": "line 1: extends : . is no file",
    "extends: " + 400 * "a" + "\n": "line 1: extends aaa",
    "source: " + 400 * "a" + ".keras\nsteps:\n  - technique: prune\n": "line 1: source: File name too long",
    "steps:\n  - technique: prune\n    config: {epochs: true}\n": "line 3: epochs True is of the wrong type",
    "steps:\n  - technique: prune\ngates: {max_drop: true}\n": "line 3: max_drop True is of the wrong type",
    "steps:\n  - technique: prune\ngates: {max_size: true}\n": "line 3: max_size True is of the wrong type",
    "steps:\n  - technique: prune\n    config:\ngates: {max_drop: 2%}\n": "line 3: config None is of the wrong type",
    "steps:\n  - technique: prune\noutputs: {model: .keras}\n": "line 3: model .keras must be a name",
    'steps:\n  - technique: prune\noutputs: {model: "a\\0.keras"}\n': NAMED,
    "steps:\n  - technique: prune\noutputs: {model: " + 300 * "a" + ".keras}\n": NAMED,
}


def written(folder, text, name="r.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def quick_recipe(folder):
    """Write the quick recipe, with its model, into a folder."""
    shutil.copy(SAMPLES / "digits-mlp.keras", folder / "m.keras")
    return written(folder, QUICK)
