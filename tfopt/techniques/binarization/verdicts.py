"""What binarization bought and what it did not, in plain words, from the figures of the report."""

from tfopt.report.schema import LatencyChange, Measurement, Report
from tfopt.techniques.binarization.bits import Bits


def verdicts(report: Report, bits: Bits) -> list[str]:
    """Sentences on bits a weight, on speed, and on whether int8 is the better choice.

    The measurements are those of the original and the binarized `.keras`, of the float and, if there is one, the int8
    `.tflite` of the original, and of the binarized `.tflite`.
    """
    _, small, _, *int8, file = report.measurements
    sentences = [_bits(small, file, bits)]
    speed = report.comparisons[-1].latency
    if speed and speed.verdict != "faster":
        sentences.append(
            f"binarization bought size but no speed on this machine: {speed.ratio:.2f} times the latency of the float"
            " file"
        )
    if int8 and _is_better(int8[0], file, report.comparisons[-2].latency, speed):
        sentences.append(
            f"{int8[0].name} is the better choice unless size decides: no less accurate, no slower, and"
            f" {int8[0].file_bytes:,} bytes against {file.file_bytes:,}"
        )
    return sentences


def _bits(small: Measurement, file: Measurement, bits: Bits) -> str:
    def each(count: int) -> str:
        return f"{8 * count / bits.weights:.2f}"

    return (
        f"bits a weight, of {bits.weights:,} weights of which {bits.binarized:,} are binarized: .keras"
        f" {each(small.file_bytes)} ({each(small.gzip_bytes)} zipped), .tflite {each(file.file_bytes)}"
        f" ({each(file.gzip_bytes)} zipped); {bits.least / bits.weights:.2f} if nothing but the weights were stored"
    )


def _is_better(int8: Measurement, file: Measurement, theirs: LatencyChange | None, ours: LatencyChange | None) -> bool:
    """Whether the int8 file has at least as many right answers and is at least as fast."""
    if not (int8.accuracy and file.accuracy and ours and theirs):
        return False
    return int8.accuracy.correct >= file.accuracy.correct and theirs.ratio <= ours.ratio
