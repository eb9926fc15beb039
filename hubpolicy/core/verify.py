# SPDX-License-Identifier: Apache-2.0
"""Bundle bytes to verified statements. See :func:`verify_bundle` for the numbered steps."""

from __future__ import annotations

from typing import NamedTuple

from hubpolicy.domain.statement import Predicate, Statement


class _Proof(NamedTuple):
    """Fields of a verified statement."""

    statement: Statement
    predicate: Predicate
    payload_sha256: str
    keyid: str
    principal: str
    roles: frozenset[str]
