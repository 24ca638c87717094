"""JUnit XML of a fleet: a suite for each model, a case for each gate."""

from __future__ import annotations

from itertools import groupby
from xml.etree import ElementTree as ET

from perfgate.fleet.answer import FleetAnswer, GateAnswer
from perfgate.fleet.sentences import moved_words
from perfgate.gate.verdict import Verdict
from perfgate.sanitize import printable

_ELEMENTS = {Verdict.FAIL: "failure", Verdict.INVALID: "error", Verdict.INCONCLUSIVE: "skipped"}
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def fleet_junit(answer: FleetAnswer) -> str:
    """Write one document: a gate that fails is a failure, an undecided one is skipped, an invalid one is an error."""
    by_model = sorted(answer.gates, key=lambda gate: gate.model_name)
    suites = [_suite(name, list(gates)) for name, gates in groupby(by_model, key=lambda gate: gate.model_name)]
    totals = {key: str(sum(int(suite.attrib[key]) for suite in suites)) for key in ("tests", *_COUNTED)}
    name = printable(f"perfgate {answer.fleet}")
    root = ET.Element("testsuites", {"name": name, **totals, "time": f"{answer.seconds:.3f}"})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(model: str, gates: list[GateAnswer]) -> ET.Element:
    name = printable(f"perfgate.{model}")
    cases = [_case(gate, name) for gate in gates]
    counts = {key: str(sum(case.find(tag) is not None for case in cases)) for key, tag in _COUNTED.items()}
    suite = ET.Element("testsuite", {"name": name, "tests": str(len(cases)), **counts})
    properties = ET.SubElement(suite, "properties")
    for owner in sorted({gate.owner for gate in gates if gate.owner}):
        ET.SubElement(properties, "property", {"name": "owner", "value": printable(owner)})
    suite.extend(cases)
    return suite


def _case(gate: GateAnswer, suite: str) -> ET.Element:
    case = ET.Element(
        "testcase", {"classname": suite, "name": printable(gate.scenario_name), "time": f"{gate.seconds:.3f}"}
    )
    moved = moved_words(gate)
    together = f"moved, with intervals for all gates together: {moved}" if moved else ""
    details = "\n".join(part for part in (gate.headline, together) if part)
    if gate.verdict in _ELEMENTS:
        attributes = {"message": printable(gate.headline)}
        if gate.verdict is not Verdict.INCONCLUSIVE:
            attributes["type"] = "regression" if gate.verdict is Verdict.FAIL else "invalid"
        ET.SubElement(case, _ELEMENTS[gate.verdict], attributes).text = printable(details)
    else:
        ET.SubElement(case, "system-out").text = printable(details)
    return case
