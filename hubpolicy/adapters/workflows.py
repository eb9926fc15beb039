# SPDX-License-Identifier: Apache-2.0
"""Reads the CI set-up of a work tree, for ``hubpolicy doctor --ci``.

Not responsible for what it means; ``core/ci_github.py``, ``core/ci_gitlab.py`` and HP908 are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubpolicy.core.ci_github import gaps_of, read, triggers
from hubpolicy.core.ci_gitlab import REFERENCE, local_files, read_pipeline
from hubpolicy.core.ci_points import certain
from hubpolicy.domain.surroundings import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORKFLOWS = Path(".github") / "workflows"
_PIPELINE = ".gitlab-ci.yml"
_MAX_BYTES = 1024 * 1024
_MOST_ACTIONS = 100
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_OPEN_TRIGGERS = frozenset(("pull_request_target", "issue_comment", "workflow_run"))


def workflows(folder: Path) -> tuple[Workflow, ...]:
    """The workflows and pipeline of the work tree that run hubpolicy or upload, sorted by path."""
    documents = {
        str(path.relative_to(folder)): _yaml(path)
        for path in sorted((folder / _WORKFLOWS).glob("*.y*ml"))
    }
    near: dict[str, Any] = {f"./{path}": found for path, found in documents.items()}
    near |= _actions(folder, [found for found in documents.values() if found is not None])
    named = (_workflow(path, document, near) for path, document in documents.items())
    return (*(found for found in named if found is not None), *_pipeline(folder))


def _pipeline(folder: Path) -> tuple[Workflow, ...]:
    """GitLab's, if there is one that runs hubpolicy, uploads, or cannot be read."""
    path = folder / _PIPELINE
    if not path.is_file():
        return ()
    document = _yaml(path)
    if document is None:
        return (Workflow(_PIPELINE, (), (), unreadable=True),)
    found = read_pipeline(document, _includes(folder, document))
    if not found.jobs and not found.gaps:
        return ()
    return (Workflow(_PIPELINE, found.loose, found.bare, gaps=found.gaps),)


def _includes(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The files of the work tree that a pipeline includes, and those that they include."""
    found: dict[str, Any] = {}
    waiting = local_files(document)
    while waiting and len(found) < _MOST_ACTIONS:
        name = waiting.pop()
        path = folder / name.lstrip("/")
        if name in found or ".." in path.parts or not path.is_file():
            continue
        found[name] = _yaml(path)
        waiting += local_files(found[name] or {})
    return found


def _workflow(
    path: str, document: dict[str, Any] | None, near: Mapping[str, Any]
) -> Workflow | None:
    if document is None:
        return Workflow(path, (), (), unreadable=True)
    reading = read(document, near)
    jobs = document.get("jobs")
    every = {
        str(key): job
        for key, job in (jobs.items() if isinstance(jobs, dict) else ())
        if isinstance(job, dict)
    }
    ours = [
        key for key, job in every.items() if _runs_us(job) or certain(reading.points.get(key, ()))
    ]
    gaps = gaps_of(document, near)
    if not ours and not reading.gaps:
        return Workflow(path, (), (), gaps=gaps) if gaps else None
    uses = dict.fromkeys(use for job in every.values() for use in _uses(job))
    # A job that is a reusable workflow can have no environment of its own.
    bare = (key for key in ours if not (every[key].get("environment") or every[key].get("uses")))
    loose, strangers = tuple(filter(_is_loose, uses)), _strangers(document)
    return Workflow(path, loose, tuple(bare), strangers, gaps=gaps)


def _actions(folder: Path, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The composite actions of the work tree that these use, and those that they use."""
    found: dict[str, Any] = {}
    waiting = [use for document in documents for use in _all_uses(document)]
    while waiting and len(found) < _MOST_ACTIONS:
        use = waiting.pop()
        if use in found or not use.startswith("./") or use.startswith("./.github/workflows/"):
            continue
        if ".." in Path(use).parts:
            continue
        files = (folder / use / name for name in ("action.yml", "action.yaml"))
        found[use] = next((_yaml(path) for path in files if path.is_file()), None)
        waiting += _all_uses({"jobs": {"": (found[use] or {}).get("runs")}})
    return found


def _all_uses(document: Mapping[str, Any]) -> list[str]:
    jobs = document.get("jobs")
    held = jobs.values() if isinstance(jobs, dict) else ()
    return [use for job in held if isinstance(job, dict) for use in _uses(job)]


def _strangers(document: dict[str, Any]) -> tuple[str, ...]:
    """Triggers that hand secrets to what a stranger wrote."""
    return tuple(sorted(_OPEN_TRIGGERS.intersection(triggers(document))))


def _yaml(path: Path) -> dict[str, Any] | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        reader = YAML(typ="safe", pure=True)
        reader.constructor.add_constructor("!reference", _reference)
        # GitLab's may have a head of its own (``spec:``) before the jobs.
        parts = [part for part in reader.load_all(path.read_text(encoding="utf-8")) if part]
    except (OSError, UnicodeDecodeError, YAMLError, ValueError, RecursionError):
        return None
    headed = len(parts) == 2 and isinstance(parts[0], dict) and set(parts[0]) == {"spec"}
    if len(parts) != 1 + headed or not isinstance(parts[-1], dict):
        return None
    document: dict[str, Any] = parts[-1]
    return document


def _reference(loader: Any, node: Any) -> dict[str, Any]:
    """GitLab's own tag: a path to another place of the pipeline."""
    return {REFERENCE: loader.construct_sequence(node, deep=True)}


def _runs_us(job: Mapping[str, Any]) -> bool:
    steps = job.get("steps")
    texts = [str(job.get("uses", ""))]
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            texts += [str(step.get("run", "")), str(step.get("uses", ""))]
    return any("hubpolicy" in text for text in texts)


def _uses(job: Mapping[str, Any]) -> Iterator[str]:
    steps = job.get("steps")
    for holder in (job, *(steps if isinstance(steps, list) else ())):
        if isinstance(holder, dict) and holder.get("uses"):
            yield str(holder["uses"])


def _is_loose(use: str) -> bool:
    """Actions of the same repository move with the commit that is judged; others need one."""
    return not use.startswith("./") and not _COMMIT.fullmatch(use.rpartition("@")[2])
