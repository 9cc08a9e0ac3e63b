"""Run the command line: `python -m tfopt`."""

from tfopt.cli import main

main()
