"""The report as one page of HTML, for a browser without a network: no script, charts as SVG beside their tables."""
