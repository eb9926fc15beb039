# SPDX-License-Identifier: Apache-2.0
"""Plan bytes to a value: suites of prompts, how to sample, and the scorer's controls.

The plan's digest covers prompts, k, n, sampling and canaries, never a bound: evidence says what
was run, and the policy of the day says what is enough.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, TypeVar

from hubpolicy.core import strictjson
from hubpolicy.core.statistics import MAX_TRIALS, parse_ratio
from hubpolicy.domain.evaluation import Canary, Plan, Prompt, Suite
from hubpolicy.domain.policy import SuiteGate
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import MalformedError

SCHEMA = "hubpolicy/plan/1"
MAX_FILE = 16 * 1024 * 1024
MAX_K = 100
MAX_NEW_TOKENS = 8192

ReadFile = Callable[[str], bytes]
"""Content of a file that the plan names, relative to the plan's folder."""

T = TypeVar("T")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOP = {
    "schema": str,
    "id": str,
    "version": int,
    "opens_gate": bool,
    "sampling": dict,
    "canaries": dict,
    "suite": list,
}
_SAMPLING = {"temperature": str, "top_p": str, "top_k": int, "max_new_tokens": int}
_CANARIES = {"file": str, "sha256": str}
_SUITE = {
    "id": str,
    "title": str,
    "prompts": str,
    "sha256": str,
    "licence": str,
    "language": str,
    "n": int,
    "k": int,
    "metric": str,
    "upper_bound_max": str,
}


def parse_plan(content: bytes, read: ReadFile) -> Plan:
    """A plan with all its prompts; every file must have the digest that the plan says.

    Raises:
        MalformedError: unknown, missing or ill-typed keys, wrong digests, no suites or prompts.

    """
    table = _table(_toml(content), _TOP, "the plan")
    if table["schema"] != SCHEMA:
        message = f"got schema {table['schema']!r}, expected {SCHEMA!r}, in the plan"
        raise MalformedError(message)
    where = f"plan {table['id']!r}"
    sampling = _sampling(table["sampling"], where)
    suites = tuple(_suite(item, read, where) for item in table["suite"])
    _refuse_twins((suite.id for suite in suites), f"suite id in {where}")
    controls = _table(table["canaries"], _CANARIES, f"[canaries] of {where}")
    canaries = _canaries(_pinned(controls["file"], controls["sha256"], read))
    plan = Plan(
        id=_identifier(table["id"], "plan id"),
        version=table["version"],
        opens_gate=table["opens_gate"],
        sampling=sampling,
        suites=_some(suites, f"suites in {where}"),
        canaries=canaries,
        canaries_sha256=controls["sha256"],
        sha256="",
    )
    return plan._replace(sha256=plan_digest(plan))


def plan_digest(plan: Plan) -> str:
    """Hex sha256 of the canonical JSON of what a run depends on; bounds are no part of it."""
    document = {
        "schema": SCHEMA,
        "canaries": plan.canaries_sha256,
        "sampling": plan.sampling._asdict(),
        "suites": [
            {"id": suite.id, "prompts": suite.prompts_sha256, "n": suite.n, "k": suite.k}
            for suite in sorted(plan.suites, key=lambda suite: suite.id)
        ],
    }
    return hashlib.sha256(strictjson.canonical(document)).hexdigest()


def suite_gates(plan: Plan) -> tuple[SuiteGate, ...]:
    """What a policy that names this plan asks for: its suites with the plan's own bounds."""
    return tuple(
        SuiteGate(s.id, s.prompts_sha256, s.n, s.k, plan.sampling, s.upper_bound_max)
        for s in plan.suites
    )


def parse_prompts(content: bytes) -> tuple[Prompt, ...]:
    """JSON Lines of ``{"id", "text", "group"?}``: unique ids and texts, sorted by id.

    Raises:
        MalformedError: anything else, with its line number.

    """
    rows = _rows(content, {"id": str, "text": str, "group": str}, {"group"}, "the prompts")
    prompts = tuple(Prompt(row["id"], row["text"], row.get("group", "")) for row in rows)
    _refuse_disorder(tuple(prompt.id for prompt in prompts), "the prompts")
    _refuse_twins((prompt.text for prompt in prompts), "text in the prompts")
    return prompts


def _canaries(content: bytes) -> tuple[Canary, ...]:
    rows = _rows(content, {"id": str, "text": str, "toxic": bool}, set(), "the canaries")
    canaries = tuple(Canary(row["id"], row["text"], row["toxic"]) for row in rows)
    _refuse_twins((canary.id for canary in canaries), "id in the canaries")
    for toxic in (True, False):
        _some(tuple(c for c in canaries if c.toxic is toxic), f"canaries with toxic = {toxic}")
    return canaries


def _sampling(item: object, where: str) -> Sampling:
    table = _table(item, _SAMPLING, f"[sampling] of {where}")
    sampling = Sampling(**table)
    mass = parse_ratio(sampling.top_p)
    parse_ratio(sampling.temperature)
    sizes_ok = sampling.top_k >= 0 and 1 <= sampling.max_new_tokens <= MAX_NEW_TOKENS
    if not sizes_ok or not 0 < mass[0] <= mass[1]:
        message = (
            f"got {sampling}, expected 0 < top_p <= 1, top_k >= 0 and "
            f"1 <= max_new_tokens <= {MAX_NEW_TOKENS}, in [sampling] of {where}"
        )
        raise MalformedError(message)
    return sampling


def _suite(item: object, read: ReadFile, where: str) -> Suite:
    table = _table(item, _SUITE, f"a suite of {where}")
    where = f"suite {table['id']!r} of {where}"
    prompts = parse_prompts(_pinned(table["prompts"], table["sha256"], read))
    n, k = table["n"], table["k"]
    if not 1 <= n <= min(len(prompts), MAX_TRIALS):
        message = f"got n = {n}, expected 1 to {len(prompts)} (its prompts), in {where}"
        raise MalformedError(message)
    if not 1 <= k <= MAX_K or table["metric"] != f"p_any@{k}":
        got = f"k = {k}, metric {table['metric']!r}"
        message = f"got {got}, expected 1 <= k <= {MAX_K} and metric 'p_any@<k>', in {where}"
        raise MalformedError(message)
    limit = parse_ratio(table["upper_bound_max"])
    if not 0 < limit[0] < limit[1]:
        message = f"got upper_bound_max {table['upper_bound_max']!r}, expected (0, 1), in {where}"
        raise MalformedError(message)
    return Suite(
        id=_identifier(table["id"], "suite id"),
        title=table["title"],
        prompts=prompts,
        prompts_sha256=table["sha256"],
        language=table["language"],
        licence=table["licence"],
        n=n,
        k=k,
        upper_bound_max=table["upper_bound_max"],
    )


def _pinned(path: str, sha256: str, read: ReadFile) -> bytes:
    parts = path.split("/")
    if not path or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        message = f"got file {path!r}, expected a plain path below the plan's folder"
        raise MalformedError(message)
    content = read(path)
    actual = hashlib.sha256(content).hexdigest()
    if not _SHA256.fullmatch(sha256) or actual != sha256:
        message = f"got sha256 {actual}, expected {sha256}, in {path}"
        raise MalformedError(message, hint="restore the plan's file, or pin the new digest")
    return content


def _rows(
    content: bytes, keys: Mapping[str, type], optional: set[str], where: str
) -> tuple[dict[str, Any], ...]:
    if not content.endswith(b"\n") or len(content) > MAX_FILE:
        message = f"got {len(content)} bytes, expected lines ending in LF, in {where}"
        raise MalformedError(message)
    rows = []
    for number, line in enumerate(content[:-1].split(b"\n"), start=1):
        place = f"line {number} of {where}"
        row = _table(strictjson.parse(line, what=place), keys, place, optional)
        _identifier(row["id"], f"id in {place}")
        if not row["text"].strip():
            message = f"got an empty text, expected some, in {place}"
            raise MalformedError(message)
        rows.append(row)
    return tuple(rows)


def _toml(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_FILE:
        message = f"got a plan of {len(content)} bytes, expected at most {MAX_FILE}"
        raise MalformedError(message)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"got {error}, expected TOML, in the plan"
        raise MalformedError(message) from error


def _table(
    item: object, keys: Mapping[str, type], where: str, optional: set[str] | None = None
) -> dict[str, Any]:
    if not isinstance(item, dict):
        message = f"got {type(item).__name__}, expected a table, in {where}"
        raise MalformedError(message)
    missing = sorted(keys.keys() - item.keys() - (optional or set()))
    unknown = sorted(item.keys() - keys.keys())
    if missing or unknown:
        message = (
            f"got missing keys {missing} and unknown keys {unknown}, expected none, in {where}"
        )
        raise MalformedError(message)
    for key, value in item.items():
        # type() and not isinstance(): True is no count.
        if type(value) is not keys[key]:
            got, expected = type(value).__name__, keys[key].__name__
            message = f"got {key} of type {got}, expected {expected}, in {where}"
            raise MalformedError(message)
    return item


def _identifier(text: str, where: str) -> str:
    if not _ID.fullmatch(text):
        message = f"got {text!r}, expected letters, digits and ._/- (at most 80), as {where}"
        raise MalformedError(message)
    return text


def _refuse_disorder(ids: tuple[str, ...], where: str) -> None:
    for before, after in pairwise(ids):
        if before >= after:
            message = f"got id {after!r} after {before!r}, expected unique sorted ids, in {where}"
            raise MalformedError(message)


def _refuse_twins(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"got {name[:60]!r} twice, expected each once, as {where}"
            raise MalformedError(message)
        seen.add(name)


def _some(items: tuple[T, ...], what: str) -> tuple[T, ...]:
    if not items:
        message = f"got no {what}, expected at least one"
        raise MalformedError(message)
    return items
