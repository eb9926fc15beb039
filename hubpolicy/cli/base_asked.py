# SPDX-License-Identifier: Apache-2.0
"""The extra step of ``hubpolicy verify --ask-base``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy import opening
from hubpolicy.core.adapter_base import BASE
from hubpolicy.core.coverage import runs
from hubpolicy.core.rules import hp415
from hubpolicy.domain.finding import Decision, verdict_of
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.flows.pinned_bases import compare
from hubpolicy.render.report import Row

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.flows.verifying import Gathered
    from hubpolicy.opening import Wanted


def refuse_offline(wanted: Wanted) -> None:
    """Somebody has to answer. Where ``HF_HUB_OFFLINE`` says no, the client does, and is not green.

    Raises:
        ConfigError: nobody shall be asked.

    """
    if wanted.offline:
        message = "got --ask-base and --offline, expected a hub that can be asked"
        raise ConfigError(message, hint="leave --offline out")


def base_step(gathered: Gathered, wanted: Wanted, decision: Decision) -> tuple[Decision, Row]:
    """Compare every base on which these bytes were run with the hub's listing of its commit."""
    pins = sorted(
        {
            (subject.name, subject.get("sha256") or "")
            for line in runs(gathered.evidence)
            for subject in line.statement.subjects
            if subject.name.rpartition("/")[2] == BASE
        }
    )
    found = tuple(
        finding for path, sha256 in pins for finding in _asked(path, sha256, gathered, wanted)
    )
    findings = (*decision.findings, *found)
    said = f"{len(pins)} compared with the hub: the same" if pins else "no adapter was tested"
    text = f"{len(found)} finding(s)" if found else said
    return Decision(verdict_of(findings), findings, decision.waived), Row("base", text)


def _asked(path: str, sha256: str, gathered: Gathered, wanted: Wanted) -> tuple[Finding, ...]:
    try:
        content = _read(path, gathered, wanted)
    except (OSError, ServiceError) as error:
        return (hp415.unknown(path, None, str(error)),)
    if hashlib.sha256(content).hexdigest() != sha256:
        return (hp415.unknown(path, None, "it is not the file that was tested"),)
    endpoint = opening.endpoint()
    # The name in the pin says which repository; the client needs the hub's address alone.
    return compare(path, content, opening.hub(RepoId("", "", endpoint=endpoint)), endpoint)


def _read(path: str, gathered: Gathered, wanted: Wanted) -> bytes:
    """The pin, from where the release was read."""
    if not opening.is_folder(wanted.target):
        repo, _ = opening.named(wanted.target)
        return opening.hub(repo).read(repo, gathered.revision, path)
    if wanted.revision:
        return opening.git_release(wanted.target, wanted.revision).read(path)
    return (Path(wanted.target) / path).read_bytes()
