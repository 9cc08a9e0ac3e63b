"""Reports for CI systems, as files of their own: JUnit XML and Markdown."""

from tfopt.config.run import ReportFilesConfig
from tfopt.report.junit import junit_xml
from tfopt.report.markdown import markdown_text
from tfopt.report.schema import Report
from tfopt.runtime.atomic_files import check_destination, check_folder, write_files


def check_report_files(files: ReportFilesConfig, *, force: bool) -> None:
    """Raise `OutputError` if a file cannot be written or exists already."""
    for path in filter(None, (files.junit, files.markdown)):
        check_destination(path, force)
        check_folder(path)


def write_report_files(report: Report, files: ReportFilesConfig, *, force: bool) -> None:
    """Write the files that are asked for."""
    contents = {}
    if files.junit:
        contents[files.junit] = junit_xml(report)
    if files.markdown:
        contents[files.markdown] = markdown_text(report).encode()
    if contents:
        write_files(contents, force=force)
