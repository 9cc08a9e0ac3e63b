"""The report: plain data, the same for every command, shown on the terminal or written as JSON."""
