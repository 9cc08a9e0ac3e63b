"""Run the three commands of the README in an empty folder and put what they print into it: `make readme`."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        for command in re.findall(r"<!-- output of (.*) -->", text):
            ended = subprocess.run(
                [sys.executable, "-m", *command.split()], cwd=folder, capture_output=True, text=True, check=True
            )
            shown = "\n".join(line.rstrip() for line in f"$ {command}\n{ended.stderr}{ended.stdout}".splitlines())
            block = f"<!-- output of {command} -->\n```text\n{shown}\n```\n"
            pattern = rf"<!-- output of {re.escape(command)} -->\n(?:```.*?```\n)?"
            [old] = re.findall(pattern, text, flags=re.S)
            text = text.replace(old, block)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
