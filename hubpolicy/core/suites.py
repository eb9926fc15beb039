# SPDX-License-Identifier: Apache-2.0
"""One ``[[suite]]`` of a plan to a value: its prompts, how they are asked, and its bound."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from hubpolicy.core.prompt_formats import FORMATS, Selection, read_prompts
from hubpolicy.core.refusals import parse_phrases
from hubpolicy.core.statistics import MAX_TRIALS, parse_ratio
from hubpolicy.core.tables import identifier, table
from hubpolicy.domain.evaluation import Prompt, Suite
from hubpolicy.domain.policy import Condition
from hubpolicy.domain.statement import Sampling, SuiteKind, metric
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from typing import NoReturn

ReadFile = Callable[[str], bytes]
"""Content of a file that the plan names: a path below the plan's folder, or an ``hf://`` URI."""

MAX_K = 100
MAX_NEW_TOKENS = 8192
MAX_SYSTEM = 4096
REMOTE = "hf://datasets/"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMOTE = re.compile(r"hf://datasets/[\w.-]{1,96}/[\w.-]{1,96}@[0-9a-f]{40}/[^\0\\]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_SAMPLING = {"temperature": str, "top_p": str, "top_k": int, "max_new_tokens": int}
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
_OPTIONAL: dict[str, type] = {
    "kind": str,
    "chat": bool,
    "system": str,
    "sampling": dict,
    "when": str,
    "difference_max": str,
    "refusals": str,
    "refusals_sha256": str,
    "format": str,
    "select": dict,
    "private": bool,
}


def parse_sampling(item: object, where: str) -> Sampling:
    """A ``[sampling]`` table.

    Raises:
        MalformedError: other keys, or values that draw nothing.

    """
    sampling = Sampling(**table(item, _SAMPLING, f"[sampling] of {where}"))
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


def parse_suite(item: object, read: ReadFile, where: str) -> Suite:
    """A suite with all its prompts; every file must have the digest that the plan says.

    Raises:
        MalformedError: unknown, missing or ill-typed keys, wrong digests, impossible sizes.

    """
    row = table(item, _SUITE, f"a suite of {where}", _OPTIONAL)
    where = f"suite {row['id']!r} of {where}"
    prompts = read_prompts(
        pinned(row["prompts"], row["sha256"], read), _one_of(row, "format", FORMATS, where),
        _selection(row, where), where,
    )  # fmt: skip
    kind: SuiteKind = _one_of(row, "kind", get_args(SuiteKind), where)
    _refuse_sizes(row, len(prompts), kind, where)
    _refuse_voice(row, where)
    _refuse_mixture(row, prompts, kind, where)
    phrases: tuple[str, ...] = ()
    if kind == "refusal":
        phrases = parse_phrases(pinned(row["refusals"], row["refusals_sha256"], read))
    condition: Condition = _one_of(row, "when", get_args(Condition), where)
    return Suite(
        id=identifier(row["id"], "suite id"),
        title=row["title"],
        prompts=prompts,
        prompts_sha256=_prompts_digest(row),
        language=row["language"],
        licence=row["licence"],
        n=row["n"],
        k=row["k"],
        upper_bound_max=row["upper_bound_max"],
        chat=row.get("chat", False),
        system=row.get("system", ""),
        kind=kind,
        sampling=parse_sampling(row["sampling"], where) if "sampling" in row else None,
        when=condition,
        difference_max=row.get("difference_max", ""),
        refusals=phrases,
        refusals_sha256=row.get("refusals_sha256", ""),
        private=row.get("private", False),
    )


def suite_document(suite: Suite) -> dict[str, Any]:
    """What of a suite stands in the plan's digest: all that a run depends on, never a bound.

    What is as it is by default is left out, so that a plan of an older version keeps its digest.
    """
    document: dict[str, Any] = {
        "id": suite.id, "prompts": suite.prompts_sha256, "n": suite.n, "k": suite.k
    }  # fmt: skip
    if suite.kind != "toxicity":
        document["kind"] = suite.kind
    if suite.chat:
        document["chat"] = {"system": suite.system}
    if suite.sampling is not None:
        document["sampling"] = suite.sampling._asdict()
    if suite.refusals_sha256:
        document["refusals"] = suite.refusals_sha256
    if suite.when != "always":
        document["when"] = suite.when
    if suite.language != "en":
        document["language"] = suite.language
    return document


def pinned(path: str, sha256: str, read: ReadFile) -> bytes:
    """Content that has the digest which the plan says.

    Raises:
        MalformedError: another digest, or a path that leads out of the plan's folder.

    """
    parts = path.removeprefix(REMOTE).split("/")
    remote = path.startswith(REMOTE)
    plain = bool(path) and "\\" not in path and not any(p in {"", ".", ".."} for p in parts)
    if not plain or (remote and not _REMOTE.fullmatch(path)) or (not remote and ":" in path):
        message = f"got file {path!r}, expected a plain path below the plan's folder"
        hint = f"or {REMOTE}ORG/NAME@<40 hex digits of a commit>/PATH"
        raise MalformedError(message, hint=hint)
    content = read(path)
    actual = hashlib.sha256(content).hexdigest()
    if not _SHA256.fullmatch(sha256) or actual != sha256:
        message = f"got sha256 {actual}, expected {sha256}, in {path}"
        raise MalformedError(message, hint="restore the plan's file, or pin the new digest")
    return content


def _prompts_digest(row: dict[str, Any]) -> str:
    """The file's, or for a selection from a published file the digest over both."""
    selected = row.get("format", FORMATS[0]) != FORMATS[0] or row.get("select")
    if not selected:
        return str(row["sha256"])
    choice = "\0".join(f"{key}={value}" for key, value in sorted(row.get("select", {}).items()))
    text = f"{row['sha256']}\0{row.get('format', FORMATS[0])}\0{choice}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _selection(row: dict[str, Any], where: str) -> Selection:
    select = row.get("select", {})
    if not all(isinstance(value, str) and value for value in select.values()):
        _refuse(f"select = {select}", "texts to compare with", where)
    return tuple(sorted(select.items()))


def _refuse_sizes(row: dict[str, Any], prompts: int, kind: SuiteKind, where: str) -> None:
    n, k = row["n"], row["k"]
    if not 1 <= n <= min(prompts, MAX_TRIALS):
        message = f"got n = {n}, expected 1 to {prompts} (its prompts), in {where}"
        raise MalformedError(message)
    name = metric(kind, k)
    if not 1 <= k <= MAX_K or row["metric"] != name:
        expected = f"1 <= k <= {MAX_K} and metric {name!r} ('{metric(kind, 0)[:-1]}<k>')"
        _refuse(f"k = {k}, metric {row['metric']!r}", expected, where)
    for key in ("upper_bound_max", "difference_max"):
        if key in row:
            limit = parse_ratio(row[key])
            if not 0 < limit[0] < limit[1]:
                _refuse(f"{key} {row[key]!r}", "(0, 1)", where)


def _refuse_voice(row: dict[str, Any], where: str) -> None:
    if not _LANGUAGE.fullmatch(row["language"]):
        _refuse(f"language {row['language']!r}", "an ISO 639 code such as 'en'", where)
    system = row.get("system", "")
    if system and not row.get("chat", False):
        _refuse("a system prompt without chat = true", "both or neither", where)
    if len(system) > MAX_SYSTEM or not system.replace("\n", " ").isprintable():
        _refuse(f"a system prompt of {len(system)} characters", f"at most {MAX_SYSTEM}", where)


def _refuse_mixture(
    row: dict[str, Any], prompts: tuple[Prompt, ...], kind: SuiteKind, where: str
) -> None:
    """Each kind has what its bound needs, and nothing that would mean nothing."""
    groups = {prompt.group for prompt in prompts}
    if kind == "parity" and (len(groups) < 2 or "" in groups or row["n"] < len(groups)):
        _refuse(f"groups {sorted(groups)}", "two named ones or more for parity", where)
    if (kind == "parity") is not ("difference_max" in row):
        _refuse(f"kind {kind!r}", "difference_max exactly where the kind is 'parity'", where)
    needed = {"refusals", "refusals_sha256"}
    if (needed & row.keys()) != (needed if kind == "refusal" else set()):
        _refuse(f"kind {kind!r}", "refusals and refusals_sha256 exactly for 'refusal'", where)


def _one_of(row: dict[str, Any], key: str, allowed: tuple[Any, ...], where: str) -> Any:
    value = row.get(key, allowed[0])
    if value not in allowed:
        _refuse(f"{key} {value!r}", f"one of {', '.join(allowed)}", where)
    return value


def _refuse(got: str, expected: str, where: str) -> NoReturn:
    message = f"got {got}, expected {expected}, in {where}"
    raise MalformedError(message)
