"""Rebuild the sample models and their README: `make samples`."""

from pathlib import Path

import tfopt

HERE = Path(__file__).parent
HEADER = """# Sample models

Small models trained by `make samples` on scikit-learn's digits (8x8 pixels, scaled to 0..1). Each carries its data set
in its `tfopt.json` member, so that no `--data` is needed:

    tfopt prune sample_models/digits-cnn.keras --sparsity 0.5
    tfopt quantize sample_models/digits-cnn.keras --int8

| file | parameters | bytes | test accuracy | samples |
|---|---|---|---|---|
"""


def main() -> None:
    """Train each architecture with its defaults and write the table of what was measured."""
    rows = []
    for arch in ("cnn", "mlp"):
        name = f"digits-{arch}.keras"
        result = tfopt.train(tfopt.TrainConfig(arch=arch), name=name)
        result.artifact.save(HERE / name, force=True)
        m = result.report.measurements[0]
        rows.append(f"| {name} | {m.parameters:,} | {m.file_bytes:,} | {m.accuracy.value:.4f} | {m.accuracy.total} |")
        print(rows[-1])
    (HERE / "README.md").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
