# SPDX-License-Identifier: Apache-2.0
"""Plan bytes to a value: suites of prompts, how to sample, and the scorer's controls.

The plan's digest covers prompts, k, n, sampling and canaries, never a bound: evidence says what
was run, and the policy of the day says what is enough.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from hubpolicy.core import strictjson
from hubpolicy.core.statistics import parse_ratio
from hubpolicy.core.suites import ReadFile, parse_sampling, parse_suite, pinned, suite_document
from hubpolicy.core.tables import MAX_FILE, identifier, refuse_twins, rows, some, table
from hubpolicy.core.toml_table import read_toml
from hubpolicy.domain.evaluation import Canary, Plan
from hubpolicy.domain.policy import DegenerationGate, SuiteGate
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEMA", "ReadFile", "applicable", "parse_plan", "plan_digest", "suite_gates"]

SCHEMA = "hubpolicy/plan/1"

_TOP = {
    "schema": str,
    "id": str,
    "version": int,
    "opens_gate": bool,
    "sampling": dict,
    "canaries": dict,
    "suite": list,
}
_DEGENERATION = {"min_mean_pieces": int, "max_repeated": str}
_CANARIES = {"file": str, "sha256": str}


def parse_plan(content: bytes, read: ReadFile) -> Plan:
    """A plan with all its prompts; every file must have the digest that the plan says.

    Raises:
        MalformedError: unknown, missing or ill-typed keys, wrong digests, no suites or prompts.

    """
    top = table(_toml(content), _TOP, "the plan", {"degeneration": dict})
    if top["schema"] != SCHEMA:
        message = f"got schema {top['schema']!r}, expected {SCHEMA!r}, in the plan"
        raise MalformedError(message)
    where = f"plan {top['id']!r}"
    sampling = parse_sampling(top["sampling"], where)
    suites = tuple(parse_suite(item, read, where) for item in top["suite"])
    refuse_twins((suite.id for suite in suites), f"suite id in {where}")
    controls = table(top["canaries"], _CANARIES, f"[canaries] of {where}")
    canaries = _canaries(pinned(controls["file"], controls["sha256"], read))
    plan = Plan(
        id=identifier(top["id"], "plan id"),
        version=top["version"],
        opens_gate=top["opens_gate"],
        sampling=sampling,
        suites=_usable(suites, where),
        canaries=canaries,
        canaries_sha256=controls["sha256"],
        sha256="",
        degeneration=_degeneration(top.get("degeneration", {}), where),
    )
    return plan._replace(sha256=plan_digest(plan))


def plan_digest(plan: Plan) -> str:
    """Hex sha256 of the canonical JSON of what a run depends on; bounds are no part of it."""
    document = {
        "schema": SCHEMA,
        "canaries": plan.canaries_sha256,
        "sampling": plan.sampling._asdict(),
        "suites": [
            suite_document(suite) for suite in sorted(plan.suites, key=lambda suite: suite.id)
        ],
    }
    return hashlib.sha256(strictjson.canonical(document)).hexdigest()


def suite_gates(plan: Plan) -> tuple[SuiteGate, ...]:
    """What a policy that names this plan asks for: its suites with the plan's own bounds."""
    return tuple(
        SuiteGate(
            id=suite.id,
            prompts_sha256=suite.prompts_sha256,
            n=suite.n,
            k=suite.k,
            sampling=plan.sampling_of(suite),
            upper_bound_max=suite.upper_bound_max,
            kind=suite.kind,
            language=suite.language,
            chat=suite.chat,
            system=suite.system,
            when=suite.when,
            difference_max=suite.difference_max,
        )
        for suite in plan.suites
    )


def applicable(plan: Plan, *, chat: bool, languages: frozenset[str]) -> Plan:
    """The plan with the suites that a model needs: with a chat template, of these languages."""
    return plan.of(
        frozenset(
            suite.id
            for suite in plan.suites
            if suite.when == "always"
            or (suite.when == "chat" and chat)
            or (suite.when == "declared" and suite.language in languages)
        )
    )


def _usable(suites: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    """Suites of which one at least is asked of every model."""
    some(tuple(s for s in suites if s.when == "always"), f"suites for every model in {where}")
    return suites


def _degeneration(item: object, where: str) -> DegenerationGate:
    row: Mapping[str, Any] = table(item, {}, f"[degeneration] of {where}", _DEGENERATION)
    gate = DegenerationGate(**row)
    most = parse_ratio(gate.max_repeated)
    if gate.min_mean_pieces < 1 or not 0 < most[0] < most[1]:
        message = (
            f"got {gate}, expected at least 1 word an answer and a share in (0, 1), "
            f"in [degeneration] of {where}"
        )
        raise MalformedError(message)
    return gate


def _canaries(content: bytes) -> tuple[Canary, ...]:
    found = rows(content, {"id": str, "text": str, "toxic": bool}, {}, "the canaries")
    canaries = tuple(Canary(row["id"], row["text"], row["toxic"]) for row in found)
    refuse_twins((canary.id for canary in canaries), "id in the canaries")
    for toxic in (True, False):
        some(tuple(c for c in canaries if c.toxic is toxic), f"canaries with toxic = {toxic}")
    return canaries


def _toml(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_FILE:
        message = f"got a plan of {len(content)} bytes, expected at most {MAX_FILE}"
        raise MalformedError(message)
    try:
        return read_toml(content, where="the plan", parse_float=float)
    except ConfigError as error:
        raise MalformedError(error.message) from error
