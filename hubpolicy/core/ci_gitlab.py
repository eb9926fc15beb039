# SPDX-License-Identifier: Apache-2.0
"""GitLab pipelines: what lets an upload go on after a hubpolicy job that says no. Pure functions.

After "CI/CD YAML syntax reference": a job runs when those of earlier stages, or those it ``needs``,
ended well or were allowed to fail; one by hand (``when: manual`` outside of ``rules``) is allowed.
The runner sets ``errexit`` and, where the shell has it, ``pipefail``. An ``after_script`` decides
nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.core.ci_points import (
    Point,
    asks,
    certain,
    elsewhere,
    judges,
    points_of,
    ungated,
    unread,
)
from hubpolicy.core.ci_shell import Shell
from hubpolicy.domain.surroundings import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REFERENCE = "!reference"
"""The key under which a reader puts the path of GitLab's own tag."""
TEMPLATE = "hubpolicy.gitlab-ci.yml"
_RUNNER = Shell(errexit=True, pipefail=True)
_NO_JOBS = frozenset(("default", "include", "stages", "variables", "workflow", "image", "services",
                      "cache", "before_script", "after_script", "spec"))  # fmt: skip
_STAGES = ("build", "test", "deploy")
_ANYWAY = frozenset(("always", "on_failure"))
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CODES = frozenset((1, 2, 3, 4, 5, 70))
_DEPTH = 11
_IFS = frozenset(("if", "changes", "exists"))
_WITHIN = ("rules", "only", "except")
_OURS: dict[str, Any] = {
    "hubpolicy-evidence": {"stage": "test", "environment": "hub-evidence",
                           "script": ["hubpolicy check .", "hubpolicy test ."]},
    "hubpolicy-release": {"stage": "deploy", "environment": "hub-release",
                          "needs": ["hubpolicy-evidence"],
                          "script": ["hubpolicy push . NAMESPACE/NAME"]},
}  # fmt: skip
"""What our template brings, as far as it is asked about here: a file can change its jobs."""


class Pipeline(NamedTuple):
    """What was read: jobs that take part, those without environment, loose includes, and gaps."""

    jobs: tuple[str, ...]
    bare: tuple[str, ...]
    loose: tuple[str, ...]
    gaps: tuple[Gap, ...]


def read_pipeline(document: Mapping[str, Any], near: Mapping[str, Any]) -> Pipeline:
    """A ``.gitlab-ci.yml``; ``near``: files of the same repository, by ``/PATH``."""
    whole, loose, gaps = _included(document, near)
    jobs = {
        name: _extended(job, whole, 0)
        for name, job in whole.items()
        if name not in _NO_JOBS and isinstance(job, dict) and not name.startswith(".")
    }
    points: dict[str, tuple[Point, ...]] = {}
    for name, job in jobs.items():
        found, lost = _job(name, job, whole)
        points[name] = found
        gaps += lost
    ours = tuple(name for name, found in points.items() if certain(found))
    gaps += _uploads(jobs, points, _order(whole))
    bare = tuple(name for name in ours if not jobs[name].get("environment"))
    return Pipeline(ours, bare, tuple(loose), tuple(dict.fromkeys(gaps)))


def _included(
    document: Mapping[str, Any], near: Mapping[str, Any], depth: int = 0
) -> tuple[dict[str, Any], list[str], list[Gap]]:
    """The document over all that it includes, what of that can move, and what nobody can read."""
    whole: dict[str, Any] = {}
    loose: list[str] = []
    gaps: list[Gap] = []
    for entry in _list(document.get("include")):
        local = _local(entry)
        known = near.get(local)
        if isinstance(known, dict) and depth < _DEPTH:
            inner, more, unclear = _included(known, near, depth + 1)
            whole, loose, gaps = _merged(whole, inner), [*loose, *more], [*gaps, *unclear]
            continue
        named = _named(entry)
        if not local and not _COMMIT.fullmatch(_value(entry, "ref")):
            loose.append(named)
        if TEMPLATE in [str(file).rpartition("/")[2] for file in _list(_get(entry, "file"))]:
            whole = _merged(whole, _OURS)
        else:
            gaps.append(unread("include", named))
    return _merged(whole, document), loose, gaps


def local_files(document: Mapping[str, Any]) -> list[str]:
    """The files of the same repository that it includes, as ``/PATH``."""
    return [name for name in map(_local, _list(document.get("include"))) if name]


def _local(entry: object) -> str:
    """A text is a file of the same repository, unless it is an address."""
    said = entry if isinstance(entry, str) else _value(entry, "local")
    return "" if not said or "://" in said else "/" + said.removeprefix("./").lstrip("/")


def _named(entry: object) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    files = ", ".join(map(str, _list(entry.get("file"))))
    first = next((str(entry[key]) for key in ("project", "remote", "component", "template", "local")
                  if entry.get(key)), "something")  # fmt: skip
    at = f"@{entry['ref']}" if entry.get("ref") else ""
    return f"{first}{at}{f' ({files})' if files else ''}"


def _extended(job: Mapping[str, Any], whole: Mapping[str, Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _list(job.get("extends")):
        parent = whole.get(str(name))
        if isinstance(parent, dict) and depth < _DEPTH:
            found = _merged(found, _extended(parent, whole, depth + 1))
    return _merged(found, job)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of mappings one by one; anything else as a whole."""
    found = dict(under)
    for key, value in over.items():
        before = found.get(key)
        both = isinstance(value, dict) and isinstance(before, dict)
        found[str(key)] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return found


def _job(
    name: str, job: Mapping[str, Any], whole: Mapping[str, Any]
) -> tuple[tuple[Point, ...], list[Gap]]:
    where = f"job {name}"
    if job.get("trigger"):
        return (), [unread(where, "another pipeline")]
    script = "\n".join((*_lines(job, "before_script", whole), *_lines(job, "script", whole)))
    points, gaps = points_of(where, script, _RUNNER, str(job.get("when") or "on_success"))
    if asks(points):
        gaps += _hidden(where, job)
    after, _ = points_of(where, "\n".join(_lines(job, "after_script", whole)), _RUNNER, "always")
    fix = "put it into `script:`"
    gaps += [Gap(where, "`after_script`: its no says nothing", fix, certain=True)
             for point in after if not point.uploads]  # fmt: skip
    said = "uploads in `after_script`, which runs after a no, too"
    gaps += [
        Gap(where, said, fix, certain=True) for point in after if point.uploads and not point.maybe
    ]
    return tuple(points), gaps


def _lines(job: Mapping[str, Any], key: str, whole: Mapping[str, Any]) -> list[str]:
    """A job's own, the pipeline's default, or what stands above all jobs."""
    value = job.get(key)
    kept = _get(job.get("inherit"), "default")  # all, none, or a list of keys
    if value is None and key != "script" and (kept in (None, True) or key in _list(kept)):
        value = (_get(whole.get("default"), key)) or whole.get(key)
    return _flat(value, whole, 0)


def _flat(value: object, whole: Mapping[str, Any], depth: int) -> list[str]:
    if isinstance(value, dict) and REFERENCE in value and depth < _DEPTH:
        found: object = whole
        for part in _list(value[REFERENCE]):
            found = _get(found, str(part))
        return _flat(found, whole, depth + 1)
    if isinstance(value, list):
        return [line for each in value for line in _flat(each, whole, depth)]
    return [] if value is None else [str(value)]


def _hidden(where: str, job: Mapping[str, Any]) -> Iterator[Gap]:
    """What hides that the job said no, or keeps it from running."""
    rules = [rule for rule in _list(job.get("rules")) if isinstance(rule, dict)]
    for holder in (job, *rules):
        allowed = holder.get("allow_failure")
        codes = {code for code in _list(_get(allowed, "exit_codes")) if isinstance(code, int)}
        if allowed is True or codes & _CODES:
            yield Gap(where, "`allow_failure` hides its no", "take allow_failure out", certain=True)
    when, by_rules = str(job.get("when") or ""), {str(rule.get("when")) for rule in rules}
    if when in ("never", "on_failure") or by_rules == {"never"}:
        yield Gap(where, f"`when: {when or 'never'}`: nobody asks before an upload",
                  "let it run whenever the upload does", certain=True)  # fmt: skip
    if when == "manual" and not rules and job.get("allow_failure") is not False:
        yield Gap(where, "`when: manual`: the pipeline goes on without it",
                  "add `allow_failure: false`, or let it run by itself", certain=True)  # fmt: skip


def _uploads(
    jobs: Mapping[str, Mapping[str, Any]],
    points: Mapping[str, tuple[Point, ...]],
    order: Mapping[str, int],
) -> Iterator[Gap]:
    asking = {name for name, found in points.items() if judges(found)}
    for name, found in points.items():
        needed = _needs(jobs, name)
        earlier = {each for each in asking if _stage(jobs[each], order) < _stage(jobs[name], order)}
        behind = asking & needed if "needs" in jobs[name] else earlier
        before = [point for each in sorted(behind) for point in points[each]]
        part = not asking and any(map(asks, points.values()))
        bare = _runs_anyway(jobs[name]) or not behind
        often = any(_as_often(jobs[each], jobs[name], each in needed) for each in behind)
        for number, upload in enumerate(found):
            if not upload.uploads:
                continue
            yield from elsewhere(upload, (*before, *found[:number]))
            if judges(found[:number]):
                continue
            if bare:
                yield ungated(upload, f"job {name}", asking - {name}, part=part)
            elif not often:
                said = f"uploads also where job {min(behind)} is not in the pipeline (`rules`)"
                fix = "give both the same rules, or let it `needs:` the other"
                yield Gap(f"job {name}", said, fix, certain=False)


def _runs_anyway(job: Mapping[str, Any]) -> bool:
    holders = (job, *(rule for rule in _list(job.get("rules")) if isinstance(rule, dict)))
    return any(str(holder.get("when")) in _ANYWAY for holder in holders)


def _as_often(asked: Mapping[str, Any], upload: Mapping[str, Any], needed: bool) -> bool:
    """A pipeline in which a needed job is missing is none."""
    held = {key: asked.get(key) for key in _WITHIN}
    if _in_each(_list(held["rules"])):
        held["rules"] = None
    return needed or all(value in (None, upload.get(key)) for key, value in held.items())


def _in_each(rules: list[Any]) -> bool:
    """Whether some rule takes the job into each pipeline, and none leaves it out."""
    whens = {str(_get(rule, "when")) for rule in rules}
    last = rules[-1] if rules else None
    return isinstance(last, dict) and "never" not in whens and not _IFS.intersection(last)


def _needs(jobs: Mapping[str, Mapping[str, Any]], name: str) -> set[str]:
    """The jobs without which this one does not run."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        job = jobs.get(waiting.pop(), {})
        if _runs_anyway(job):
            continue
        needs = [each for each in _list(job.get("needs")) if _get(each, "optional") is not True]
        new = {str(_get(each, "job") or each) for each in needs} - found
        found |= new
        waiting += new
    return found


def _order(whole: Mapping[str, Any]) -> dict[str, int]:
    stages = (".pre", *(map(str, _list(whole.get("stages")) or _STAGES)), ".post")
    return {stage: number for number, stage in enumerate(stages)}


def _stage(job: Mapping[str, Any], order: Mapping[str, int]) -> int:
    return order.get(str(job.get("stage") or "test"), -1)


def _get(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _value(value: object, key: str) -> str:
    return str(_get(value, key) or "")


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
