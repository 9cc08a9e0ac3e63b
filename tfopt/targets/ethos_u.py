"""Ethos-U: neural processors beside an Arm core, as their compiler Vela sees a file.

Vela packs weights (zeros and few distinct values take less), plans memory, estimates cycles, and leaves to the CPU what
the processor cannot do, with the reason.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.errors import UnsupportedError
from tfopt.report.target_fit import TargetFigure
from tfopt.runtime.packages import installed
from tfopt.runtime.processes import ProcessError, run
from tfopt.targets.target import Examined, Numbers, StoredForm, Target
from tfopt.typing import Json

if TYPE_CHECKING:
    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.formats.tflite.graph import Operation
    from tfopt.report.target_fit import OperationFit
    from tfopt.runtime.progress import Progress

TIME_LIMIT = 900.0
KIB = 1024
TENSOR = "tensor_"
SKIPS_ZEROS = "ethos-u85"  # two of every four, which take no time then


class EthosU(Target):
    """Arm Ethos-U, as its compiler Vela sees it (extra `mcu`)."""

    numbers: Numbers = "integer"

    def __init__(self, name: str) -> None:
        self.name = name
        skips = {"prune": {"pattern": "2:4"}} if name.startswith(SKIPS_ZEROS) else {}
        self.suited = {"cluster": {"per": "layer", "fold": True}} | skips

    def source(self) -> str:
        """Say which compiler is asked."""
        return f"Vela {installed('ethos-u-vela')} with its own defaults for {self.name}"

    def stored(self, file: "TfliteArtifact", progress: "Progress") -> StoredForm:
        """Compile the file."""
        found, compiled = compile_for(self.name, file, progress)
        weights = (int(found["summary"][name]) for name in ("total_original_weights", "total_npu_encoded_weights"))
        told = "compiled by Vela for {}, {:,} bytes of weights as {:,}: it runs there only, and was not run here"
        return StoredForm(compiled, [told.format(self.name, *weights)])

    def examine(self, file: "TfliteArtifact", progress: "Progress") -> Examined:
        """Compile the file, and read what Vela says."""
        found, compiled = compile_for(self.name, file, progress)
        operations = _fits(file, found)
        figures = {name: float(found["summary"][name]) for name in USED}
        flash = figures["on_chip_flash_memory_used"] + figures["off_chip_flash_memory_used"]
        on_cpu = sum(one.support == "partly" for one in operations)
        summary = found["summary"]
        details = {
            "operations on the NPU": f"{len(operations) - on_cpu} of {len(operations)}",
            "flash, by Vela": f"{flash:.2f} KiB of weights and biases",
            "DRAM, by Vela": f"{figures['dram_memory_used']:.2f} KiB",
            "weights": f"{int(summary['total_original_weights']):,} bytes,"
            f" {int(summary['total_npu_encoded_weights']):,} as the NPU reads them",
            "cycles": f"{int(float(summary['cycles_total'])):,} at {float(summary['core_clock']) / 1e6:g} MHz",
            "configuration": f"{summary['system_config']}, {summary['memory_mode']}",
        }
        notes = []
        if on_cpu:
            notes.append("operations on the CPU beside the NPU take time and memory that Vela does not count")
        ram = TargetFigure(value=KIB * figures["sram_memory_used"], how="SRAM, by Vela")
        time = TargetFigure(value=1e3 * float(summary["inference_time"]), how="an estimate of Vela, without the CPU")
        if on_cpu == len(operations):
            ram = time = TargetFigure(value=None, how="nothing runs on the NPU")
        return Examined(
            operations,
            TargetFigure(value=len(compiled), how="the compiled file"),
            ram,
            time,
            {name: text for name, text in details.items() if not text.startswith("0.00 KiB")},
            notes,
        )


USED = ("sram_memory_used", "dram_memory_used", "on_chip_flash_memory_used", "off_chip_flash_memory_used")


def compile_for(accelerator: str, file: "TfliteArtifact", progress: "Progress") -> tuple[Json, bytes]:
    """Compile a file in a child process (see `vela_process.compile_file`).

    Args:
        accelerator: Such as "ethos-u55-128".
        file: The file.
        progress: Shows the stage.

    Returns:
        What Vela says, operations called by the number of their first output as in "tensor_12"; the compiled file.

    Raises:
        InputError: If Vela is not installed.
        UnsupportedError: If Vela fails or crashes.
    """
    installed("ethos-u-vela")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(_numbered(file.model_bytes))
        target = "tfopt.targets.vela_process:compile_file"
        try:
            found = run(target, str(path), accelerator, progress=progress, environment={}, time_limit=TIME_LIMIT)
        except ProcessError as error:
            reason = " ".join((error.raised or str(error)).split())
            raise UnsupportedError(f"Vela does not compile {file.name} for {accelerator}: {reason}") from None
        compiled = (path.parent / "model_vela.tflite").read_bytes()
    assert isinstance(found, dict)
    return found, compiled


def _numbered(payload: bytes) -> bytes:
    """Return the file with its tensors called by their numbers: packed files have no names, others use one twice."""
    from tfopt.formats.tflite.editing import EditedFile

    file = EditedFile(payload)
    graph = file.model.subgraphs[0]
    ends = {*map(int, graph.inputs)}
    for index, tensor in enumerate(graph.tensors):
        if index not in ends:
            tensor.name = f"{TENSOR}{index}".encode()
    return file.payload()


def _fits(file: "TfliteArtifact", found: Json) -> "list[OperationFit]":
    from tfopt.formats.tflite.graph import read_model
    from tfopt.targets.fits import Said, fits

    outputs = [f"{TENSOR}{int(one.outputs[0])}" for one in read_model(file.payload).subgraphs[0].operators]

    def said(number: int, _operation: "Operation") -> Said:
        output = outputs[number]
        if output not in found["on_cpu"] and output not in found["reasons"]:
            return Said()
        return Said("partly", f"on the CPU: {found['reasons'].get(output, 'Vela names no reason')}")

    return fits(file, said)
