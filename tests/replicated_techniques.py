"""Trains with every technique on two replicas and prints what came out: `python -m tests.replicated_techniques`."""

import json

import numpy as np
import tensorflow as tf

import tfopt
from tests.conftest import SAMPLES
from tfopt.techniques.pruning.masks import Pruning

TWO = {"distributed": True, "replicas": 2}


def main() -> None:
    model = SAMPLES / "digits-cnn.keras"
    renewed, masks = Pruning.renew, []

    def watched(self, sparsity):
        renewed(self, sparsity)
        strategy = tf.distribute.get_strategy()
        masks.append(
            [
                [copy.numpy() for copy in strategy.experimental_local_results(constraint.mask.value)]
                for constraint in self.constraints
            ]
        )

    Pruning.renew = watched
    found = {}
    pruned = tfopt.prune(model, tfopt.PruneConfig(sparsity=0.8, epochs=6, **TWO))
    Pruning.renew = renewed
    found["masks"] = {
        "copies": sorted({len(copies) for at in masks for copies in at}),
        "alike": all(np.array_equal(copies[0], copies[-1]) for at in masks for copies in at),
        "renewed": len(masks),
    }
    found["sparsities"] = zeros(pruned.artifact)
    two = tfopt.quantize(model, tfopt.QatConfig(epochs=2, **TWO))
    one = tfopt.quantize(model, tfopt.QatConfig(epochs=2))
    kept = tfopt.quantize(pruned.artifact, tfopt.QatConfig(epochs=1, **TWO))
    found["kept"] = zeros(kept.companions[0])
    results = {
        "prune": pruned,
        "qat": two,
        "qat on one": one,
        "qat by tfmot": tfopt.quantize(model, tfopt.QatConfig(qat_engine="tfmot", epochs=2, **TWO)),
        "tfmot": tfopt.prune(model, tfopt.PruneConfig(engine="tfmot", epochs=2, **TWO)),
        "cluster": tfopt.cluster(model, tfopt.ClusterConfig(epochs=1, **TWO)),
        "binarize": tfopt.binarize(model, tfopt.BinarizeConfig(epochs=3, **TWO)),
        "distill": tfopt.distill(model, tfopt.DistillConfig(epochs=8, features=True, learning_rate=0.01, **TWO)),
        "transfer": tfopt.train(tfopt.TrainConfig(base=str(model), epochs=1, fine_tune=1, **TWO)),
        "decay": tfopt.train(tfopt.TrainConfig(arch="mlp", epochs=6, weight_decay=0.01, clip_norm=1, l2=1e-4, **TWO)),
    }
    found["accuracies"] = {
        name: next(m.accuracy.value for m in result.report.measurements if m.name == result.artifact.name)
        for name, result in results.items()
    }
    models = {name: result.artifact.model for name, result in results.items() if hasattr(result.artifact, "model")}
    found["mirrored"] = [
        name
        for name, model in models.items()
        if any(isinstance(weight.value, tf.distribute.DistributedValues) for weight in model.weights)
    ]
    print(json.dumps(found))


def zeros(artifact) -> list[float]:
    """The share of zeros in each kernel."""
    return [float(np.mean(weight.numpy() == 0)) for weight in artifact.model.weights if weight.name == "kernel"]


if __name__ == "__main__":
    main()
