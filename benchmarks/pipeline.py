"""A pipeline of four steps against the four commands by hand: the same bytes, and how much of the time it takes.

    python benchmarks/pipeline.py [MODEL] [--epochs N] [--rounds N]

Both run in turns, each in a process of its own and an empty folder; printed are the wall times of each round, the
median of their ratios, and whether the files are the same. Exits with 1 if they are not.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample_models" / "digits-cnn.keras"
PIPELINE = """
import sys
import tfopt
model, epochs = sys.argv[1], int(sys.argv[2])
steps = [
    tfopt.StructuredConfig(amount=0.25, epochs=epochs),
    tfopt.PruneConfig(sparsity=0.5, epochs=epochs),
    tfopt.ClusterConfig(epochs=epochs),
    tfopt.QatConfig(epochs=epochs),
]
result = tfopt.Pipeline(steps).run(model, name="q.tflite")
result.artifact.save("q.tflite")
result.companions[0].save("q.keras")
"""
FILES = ("q.tflite", "q.keras")


def by_hand(model: Path, epochs: int) -> list[list[str]]:
    """Return the four commands."""
    trained = ["--epochs", str(epochs), "--quiet"]
    return [
        ["prune", str(model), "--structured", "auto", "--amount", "0.25", "-o", "s.keras", *trained],
        ["prune", "s.keras", "--sparsity", "0.5", "-o", "p.keras", *trained],
        ["cluster", "p.keras", "-o", "c.keras", *trained],
        ["quantize", "c.keras", "--qat", "-o", "q.tflite", *trained],
    ]


def timed(commands: list[list[str]]) -> tuple[float, list[bytes]]:
    """Run commands of Python in an empty folder; return the seconds, and what they wrote."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for command in commands:
            subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)
        seconds = time.perf_counter() - began
        return seconds, [Path(folder, name).read_bytes() for name in FILES]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    model, ratios, same = asked.model.resolve(), [], True
    commands = [["-m", "tfopt", *command] for command in by_hand(model, asked.epochs)]
    for number in range(asked.rounds):
        hand, ours = timed(commands)
        whole, theirs = timed([["-c", PIPELINE, str(model), str(asked.epochs)]])
        same = same and ours == theirs
        ratios.append(whole / hand)
        print(f"round {number + 1}: by hand {hand:.1f} s, pipeline {whole:.1f} s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}; the files are {'the same' if same else 'NOT the same'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
