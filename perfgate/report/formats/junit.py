"""JUnit XML, which CI servers show as tests: a suite for each scenario, a case for each metric or objective."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from perfgate.gate.verdict import Verdict
from perfgate.report.formats.cases import ReportedCase, cases, scenario_name
from perfgate.results.result import Result
from perfgate.sanitize import printable

_ELEMENTS = {Verdict.FAIL: "failure", Verdict.INVALID: "error", Verdict.INCONCLUSIVE: "skipped"}
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(results: Sequence[Result]) -> str:
    """Write one document: a regression is a failure, an inconclusive case is skipped, an invalid run is an error.

    A warn-only failure is skipped too, with a message that explains it: the format has no warnings, and servers show
    what is skipped.

    Elements and attributes follow Ant's and Surefire's reports, which Jenkins, GitLab and GitHub's actions read.
    """
    suites = [_suite(result) for result in results]
    names = ("tests", *_COUNTED)
    totals = {name: str(sum(int(suite.attrib[name]) for suite in suites)) for name in names}
    root = ET.Element("testsuites", {"name": "perfgate", **totals, "time": _seconds(sum(r.wall_s for r in results))})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(result: Result) -> ET.Element:
    name = printable(f"perfgate.{scenario_name(result)}")
    found = [_case(case, name) for case in cases(result)]
    counts = {key: str(sum(case.find(tag) is not None for case in found)) for key, tag in _COUNTED.items()}
    suite = ET.Element(
        "testsuite",
        {
            "name": name,
            "tests": str(len(found)),
            **counts,
            "time": _seconds(result.wall_s),
            "timestamp": result.created_utc[:19],  # the format has no time zones
        },
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(result).items():
        ET.SubElement(properties, "property", {"name": key, "value": printable(value)})
    suite.extend(found)
    return suite


def _properties(result: Result) -> dict[str, str]:
    given = {f"model.{arm}": f"{model.given} {model.digest}" for arm, model in result.models.items()}
    return {
        "run_id": result.run_id,
        "seed": str(result.plan.get("seed", "")),
        "fingerprint": result.fingerprint,
        "perfgate": result.perfgate_version,
        **given,
        **{f"accepted.{case.name}": case.acceptance for case in cases(result) if case.acceptance},
    }


def _case(case: ReportedCase, suite: str) -> ET.Element:
    name = f"objective {case.name}" if case.is_objective else case.name
    element = ET.Element("testcase", {"classname": suite, "name": name, "time": "0"})
    details = "\n".join(part for part in (case.details, case.acceptance) if part)
    if case.warns and case.verdict is Verdict.FAIL:
        attributes = {"message": printable(f"warning: {case.headline}")}
        ET.SubElement(element, "skipped", attributes).text = printable(details)
    elif case.verdict in _ELEMENTS:
        kind = "objective" if case.is_objective else "regression"
        attributes = {"message": printable(case.headline)}
        if case.verdict is Verdict.FAIL:
            attributes["type"] = kind
        elif case.verdict is Verdict.INVALID:
            attributes["type"] = "invalid"
        ET.SubElement(element, _ELEMENTS[case.verdict], attributes).text = printable(details)
    else:
        ET.SubElement(element, "system-out").text = printable(f"{case.headline}\n{details}")
    return element


def _seconds(value: float) -> str:
    return f"{value:.3f}"
