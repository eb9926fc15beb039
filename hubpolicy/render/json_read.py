# SPDX-License-Identifier: Apache-2.0
"""Back from the JSON report of an audit (``schemas/report.v1.schema.json``) to its report.

The document is valid under the schema; what a schema cannot say is checked here. Keys that came
into version 1 later may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.errors import MalformedError
from hubpolicy.render.report import ExposureRow, RefRow, Report, Row, SigningRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    Document = Mapping[str, Any]

_SOLO = {"solo": True, "team": False, "none": None}
_SEVERITIES = {severity.word: severity for severity in Severity}


def read_audit(document: Document, *, where: str) -> Report:
    """The report that was written; ``where`` names it in a message.

    Raises:
        MalformedError: a ref names a finding that is not there.

    """
    findings = tuple(_finding(each) for each in document["findings"])
    report = Report(
        command=document["command"],
        title=document["title"],
        verdict=document["verdict"],
        exit_code=document["exit_code"],
        findings=findings,
        waived=tuple(_finding(each) for each in document["waived"]),
        rows=tuple(Row(each["name"], each["text"], each["remark"]) for each in document["rows"]),
        refs=tuple(_ref(each) for each in document["refs"]),
        closing=document["closing"],
        solo=_SOLO[document["trust"]],
        signings=tuple(_signing(each) for each in document.get("signings", ())),
        exposures=tuple(_exposure(each) for each in document.get("exposures", ())),
        made=document.get("made", ""),
        fail_on=tuple(document.get("fail_on", ())),
        other_codes=tuple(document.get("other_codes", ())),
    )
    for row in report.refs:
        if any(place >= len(findings) for place in row.findings):
            message = (
                f"got the finding {max(row.findings)} at {row.repo} {row.ref}, expected less than "
                f"{len(findings)}, in {where}"
            )
            raise MalformedError(message)
    return report


def _finding(each: Document) -> Finding:
    place = each["location"]
    return Finding(
        each["rule"],
        _SEVERITIES[each["severity"]],
        each["message"],
        Location(place["path"], place["line"], place["column"]) if place else None,
        each["fix"],
        each["effect"],
    )


def _ref(each: Document) -> RefRow:
    return RefRow(
        each["repo"],
        each["ref"],
        each["oid"],
        each["status"],
        each["detail"],
        each["dirHash"],
        each["time_verified"],
        each["signer"],
        tuple(each.get("rules", ())),
        tuple(each.get("findings", ())),
        each.get("source", ""),
        each.get("made"),
        each.get("refused", False),
    )


def _signing(each: Document) -> SigningRow:
    policy = each["policy"]
    return SigningRow(
        each["repo"],
        each["time_verified"],
        each["principal"],
        each["role"],
        each["keyid"],
        (policy["id"], policy["version"], policy["sha256"]),
        each["dirHash"],
        tuple(each["refs"]),
        each["proof"],
        each["remark"],
    )


def _exposure(each: Document) -> ExposureRow:
    return ExposureRow(
        each["repo"], each["ref"], each["oid"], each["since"], each["until"], each["source"],
        each.get("made"),
    )  # fmt: skip
