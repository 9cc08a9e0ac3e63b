"""A report as JUnit XML, which CI systems show as tests: a test for each limit, and one for each artifact that ran."""

from xml.etree import ElementTree

from tfopt.report.schema import Report


def junit_xml(report: Report) -> bytes:
    """Return the XML of a report, as GitHub, GitLab and Jenkins read it."""
    suite = ElementTree.Element("testsuite", name=f"tfopt {report.command}")
    for measured in report.measurements:
        _case(suite, measured.name, "loads and runs")
    for gate in report.gates:
        failure = "" if gate.passed else f"{gate.gate} {gate.limit:g}, found {gate.found:g}"
        where = " on the validation split" if gate.split == "validation" else ""
        _case(suite, gate.name, f"{gate.gate} {gate.limit:g}{where}", failure)
    for check in report.lock:
        failure = "" if check.passed else f"locked {check.locked}, found {check.found}"
        _case(suite, check.name, f"{check.what} as locked", failure)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(suite: ElementTree.Element, of: str, name: str, failure: str = "") -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=of, name=name)
    if failure:
        ElementTree.SubElement(case, "failure", message=failure)
