"""Reports as files of their own: JUnit XML and Markdown for CI systems, a page of HTML for a browser."""

from collections.abc import Iterable
from pathlib import Path

from tfopt.config.run import ReportFilesConfig
from tfopt.report.junit import junit_xml
from tfopt.report.markdown import markdown_text
from tfopt.report.schema import Report
from tfopt.runtime.atomic_files import check_destination, check_distinct, check_folder, write_files
from tfopt.runtime.packages import installed

PAGE_PACKAGES = ("jinja2", "altair", "vl-convert-python")


def check_report_files(files: ReportFilesConfig, others: Iterable[Path], *, force: bool) -> None:
    """Check before the work that all files can be written.

    Raises:
        OutputError: A file cannot be written, exists already, or is one of the `others` of a command.
        InputError: A package that a page needs is not installed.
    """
    for package in PAGE_PACKAGES if files.html else ():
        installed(package)
    check_distinct(files.asked, others)
    for path in files.asked:
        check_destination(path, force)
        check_folder(path)


def write_report_files(report: Report, files: ReportFilesConfig, *, force: bool) -> None:
    """Write the files that are asked for."""
    contents = {}
    if files.junit:
        contents[files.junit] = junit_xml(report)
    if files.markdown:
        contents[files.markdown] = markdown_text(report).encode()
    if files.html:
        from tfopt.report.html.page import html_page

        contents[files.html] = html_page(report).encode()
    if contents:
        write_files(contents, force=force)
