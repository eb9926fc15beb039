# SPDX-License-Identifier: Apache-2.0
"""GitHub workflows: what lets an upload go on after a hubpolicy step that says no. Pure functions.

After "Workflow syntax for GitHub Actions" and "Expressions" (status check functions): a step or job
runs after one that failed only where ``continue-on-error`` hides that, or where its own ``if:`` has
``always()``, ``failure()`` or ``cancelled()``; a job is skipped with a job that it ``needs``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.core.ci_points import Point, asks, elsewhere, points_of, ungated, unread
from hubpolicy.core.ci_shell import shell_of
from hubpolicy.domain.surroundings import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ANYWAY = re.compile(
    r"\b(?:always|failure|cancelled)\s*\(|!\s*success\s*\(|\bsuccess\s*\(\s*\)\s*\|\||\|\|\s*success\s*\(",
    re.IGNORECASE,
)
"""Names of functions have no case there."""
_OURS = re.compile(r"[^/@]+/hubpolicy(?:/ci/github/release)?@.*")
"""This repository at any owner's: it is installed from a copy of one's own."""
_UPLOADS = re.compile(
    r"huggingface|hugging-face|(?:push|sync|upload|deploy)[a-z-]*-(?:to-)?hf\b", re.IGNORECASE
)
_EVERY_TIME = ("", "success()", "always()", "!cancelled()")
_DEPTH = 4


class Reading(NamedTuple):
    """A workflow: its jobs' points in order, and what is wrong with single steps."""

    points: dict[str, tuple[Point, ...]]
    gaps: tuple[Gap, ...]


def gaps_of(document: Mapping[str, Any], near: Mapping[str, Any]) -> tuple[Gap, ...]:
    """What a workflow's uploads can get past, and what nobody can judge.

    Args:
        document: The workflow.
        near: Workflows and composite actions of the same repository, by what ``uses:`` calls them.

    """
    reading = read(document, near)
    part = triggers(document) == ("workflow_call",)  # judged where it is called
    found = () if part else tuple(_uploads(_jobs(document), reading.points))
    return tuple(dict.fromkeys((*reading.gaps, *found)))


def triggers(document: Mapping[Any, Any]) -> tuple[str, ...]:
    """By what it is started. YAML 1.1 reads ``on`` as true."""
    return tuple(_names(document.get("on", document.get(True))))


def read(document: Mapping[str, Any], near: Mapping[str, Any], depth: int = 0) -> Reading:
    """The points and gaps of all jobs."""
    points, gaps = {}, []
    for name, job in _jobs(document).items():
        steps, found = _job(name, job, _shell_named(document), near, depth)
        points[name] = steps
        gaps += found
    return Reading(points, tuple(gaps))


def _jobs(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    jobs = document.get("jobs")
    found = jobs.items() if isinstance(jobs, dict) else ()
    return {str(name): job for name, job in found if isinstance(job, dict)}


def _job(
    name: str, job: Mapping[str, Any], shell: str, near: Mapping[str, Any], depth: int
) -> tuple[tuple[Point, ...], list[Gap]]:
    where = f"job {name}"
    if job.get("uses"):
        return _called(where, str(job["uses"]), near, depth)
    runs_on = str(job.get("runs-on", ""))
    where_on = runs_on + str(job.get("strategy", "")) * ("${{" in runs_on)
    windows = "windows" in where_on.lower()
    named = _shell_named(job) or shell
    points, gaps = _steps(where, job.get("steps"), (named, windows), near, depth)
    if asks(points):
        gaps += _hidden(where, job)
    return points, gaps


def _called(
    where: str, use: str, near: Mapping[str, Any], depth: int
) -> tuple[tuple[Point, ...], list[Gap]]:
    """A job that is a reusable workflow: one of this repository can be read."""
    known = near.get(use)
    if not isinstance(known, dict) or depth >= _DEPTH:
        return (), [unread(where, f"the reusable workflow {use}")]
    inner = read(known, near, depth + 1)
    bare = {gap.where for gap in _uploads(_jobs(known), inner.points) if gap.certain}
    points = [point for each in inner.points.values() for point in each]
    # Its jobs run side by side: an upload that waits for none of those that ask comes first.
    points.sort(key=lambda point: not (point.uploads and point.label in bare))
    found = tuple(point._replace(label=f"{where}, {point.label}") for point in points)
    return found, []  # what is wrong in it is told of its own file


def _steps(
    where: str, steps: object, shell: tuple[str, bool], near: Mapping[str, Any], depth: int
) -> tuple[tuple[Point, ...], list[Gap]]:
    points: list[Point] = []
    gaps: list[Gap] = []
    for number, step in enumerate(steps if isinstance(steps, list) else (), 1):
        if not isinstance(step, dict):
            continue
        label = f"{where}, step {step.get('name') or step.get('id') or number}"
        inner, found = _step(label, step, shell, near, depth)
        points += inner
        gaps += found
        if asks(inner):
            gaps += _hidden(label, step)
    return tuple(points), gaps


def _step(
    label: str,
    step: Mapping[str, Any],
    shell: tuple[str, bool],
    near: Mapping[str, Any],
    depth: int,
) -> tuple[list[Point], list[Gap]]:
    use, when = str(step.get("uses") or ""), _condition(step)
    if not use:
        named = shell_of(str(step.get("shell") or shell[0]), windows=shell[1])
        points, gaps = points_of(label, str(step.get("run") or ""), named, when)
        moved = bool(step.get("working-directory"))
        return [point._replace(folder="") for point in points] if moved else points, gaps
    if use.startswith("./"):
        known = near.get(use)
        if not isinstance(known, dict) or depth >= _DEPTH:
            return [], [unread(label, f"the action {use}")]
        runs = known.get("runs")
        steps = runs.get("steps") if isinstance(runs, dict) else ()
        inner, gaps = _steps(label, steps, ("", False), near, depth + 1)
        return [point._replace(when=point.when or when) for point in inner], gaps
    if _OURS.fullmatch(use):
        return [Point(label, uploads=False, when=when)], []
    gaps = [unread(label, f"the action {use}")] if "hubpolicy" in use.lower() else []
    uploads = bool(_UPLOADS.search(use.partition("@")[0]))
    return [Point(label, uploads=True, when=when)] if uploads else [], gaps


def _hidden(where: str, holder: Mapping[str, Any]) -> list[Gap]:
    """What hides that a step or job said no, or skips it always."""
    found = []
    hides = holder.get("continue-on-error", False)
    if hides is not False and str(hides).lower() != "false":
        certain = str(hides).lower() == "true"
        said = f"`continue-on-error: {str(hides).lower() if certain else hides}` hides its no"
        found.append(Gap(where, said, "take continue-on-error out", certain))
    if _condition(holder).lower() == "false":
        found.append(
            Gap(where, "`if: false`: it never runs", "take the condition out", certain=True)
        )
    return found


def _uploads(
    jobs: Mapping[str, Mapping[str, Any]], points: Mapping[str, tuple[Point, ...]]
) -> Iterator[Gap]:
    asking = {
        name: [each for each in found if not each.uploads and each.whole]
        for name, found in points.items()
    }
    for name, found in points.items():
        behind = [point for job in sorted(_needs(jobs, name)) for point in asking.get(job, ())]
        others = {job for job, asked in asking.items() if asked} - {name}
        for number, point in enumerate(found):
            if point.uploads:
                yield from _upload(point, found[:number], behind, others)


def _upload(
    point: Point,
    before: tuple[Point, ...],
    behind: list[Point],
    others: set[str],
) -> Iterator[Gap]:
    here = [each for each in before if not each.uploads and each.whole]
    yield from elsewhere(point, (*behind, *here))
    in_step = any(each.label == point.label for each in here)
    if in_step or any(each.when in _EVERY_TIME for each in behind):
        return
    asked = [*behind, *here]
    anyway = not behind and bool(_ANYWAY.search(point.when))
    if asked and anyway:
        said = f"uploads, and goes on after hubpolicy's no: `if: {point.when}`"
        fix = "take the status function out of the condition"
        yield Gap(point.label, said, fix, certain=not point.maybe)
    elif asked and not any(_always(each, point) for each in asked):
        said = f"uploads also where {asked[-1].label} is skipped by its `if: {asked[-1].when}`"
        yield Gap(point.label, said, "give both the same condition, or none", certain=False)
    elif not asked:
        yield ungated(point, point.label, others, part=asks(before))


def _always(asked: Point, upload: Point) -> bool:
    """Whether the one that asks runs whenever the other does."""
    return asked.when in (*_EVERY_TIME, upload.when)


def _needs(jobs: Mapping[str, Mapping[str, Any]], name: str) -> set[str]:
    """The jobs whose failure keeps this one from running."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        job = jobs.get(waiting.pop(), {})
        if _ANYWAY.search(_condition(job)):
            continue
        new = set(_names(job.get("needs"))) - found
        found |= new
        waiting += new
    return found


def _condition(holder: Mapping[str, Any]) -> str:
    said = holder.get("if", "")
    text = str(said).lower() if isinstance(said, bool) else str(said or "")
    text = text.strip()
    return text[3:-2].strip() if text.startswith("${{") and text.endswith("}}") else text


def _shell_named(holder: Mapping[str, Any]) -> str:
    defaults = holder.get("defaults")
    run = defaults.get("run") if isinstance(defaults, dict) else None
    return str(run.get("shell") or "") if isinstance(run, dict) else ""


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, (list, dict)) else []
