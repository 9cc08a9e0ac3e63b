from tfopt.formats.tflite.graph import Constant, Operation
from tfopt.techniques.quantization import integer_range as precision


def operation(kind, inputs, output, constants=()):
    return Operation(kind, inputs, (output,), "FLOAT32", constants, 0, in_loop=False)


def spans(**widths):
    return {name: {"min": -width / 2, "max": width / 2} for name, width in widths.items()}


def lost(monkeypatch, graph, ranges):
    monkeypatch.setattr(precision, "operations", lambda _: graph)
    return precision.not_for_integers(b"", ranges)


def test_scores_masked_by_a_huge_number_stay_in_float_up_to_the_softmax(monkeypatch):
    graph = [
        operation("BATCH_MATMUL", ("query", "key"), "scores"),
        operation("SELECT_V2", ("mask", "scores"), "masked"),
        operation("RESHAPE", ("masked",), "flat"),
        operation("SOFTMAX", ("flat",), "weights"),
        operation("BATCH_MATMUL", ("weights", "value"), "out"),
    ]
    ranges = spans(query=2, key=2, scores=9, masked=2e9, flat=2e9, weights=1, value=2, out=1)
    assert lost(monkeypatch, graph, ranges) == ["masked", "flat", "weights"]
    assert lost(monkeypatch, graph, {**ranges, **spans(masked=40, flat=40)}) == []


def test_a_bias_far_larger_than_what_it_is_added_to_is_a_mask_and_a_scale_is_none(monkeypatch):
    bias = Constant("bias", (0, 1), "FLOAT32", (4,), 4, 0, 0, None)
    ranges = spans(x=1, y=1e4)
    assert lost(monkeypatch, [operation("ADD", ("x",), "y", (bias,))], ranges) == ["y"]
    assert lost(monkeypatch, [operation("MUL", ("x",), "y", (bias,))], ranges) == []


def test_differences_of_large_numbers_and_what_never_varies_stay_in_float(monkeypatch):
    graph = [operation("SUB", ("a", "b"), "small"), operation("TANH", ("a",), "constant")]
    assert lost(monkeypatch, graph, spans(a=1000, b=1000, small=1, constant=0)) == ["small", "constant"]
