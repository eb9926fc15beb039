# SPDX-License-Identifier: Apache-2.0
"""Entry point of a server's hook: ``python -I -m hubpolicy.prereceive`` with git's refs on stdin.

The same decision as before a push, on the other side of the wire, where nobody can walk past it.
Policy and trust are those of the user that runs git on the server; which repository this is, and
on which hub, says ``git config`` there: nothing that is pushed has a say (docs/adr/0003).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.git import ReceivingRepository
from hubpolicy.adapters.git_process import open_git
from hubpolicy.adapters.git_release import GitTreeRelease
from hubpolicy.adapters.lfs_store import SETTING
from hubpolicy.cli.exits import Exit
from hubpolicy.domain.refs import parse_received
from hubpolicy.errors import ConfigError, HubpolicyError, MalformedError
from hubpolicy.flows.prepush import Gate, Judged, judge_push, objects_of
from hubpolicy.prepush import (
    conclude,
    crash,
    exit_code,
    judge_release,
    load_gate,
    read_input,
    refuse,
    say,
    speaking,
    without_content,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.domain.refs import Push
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.prepush import PushVerdict
    from hubpolicy.ports import ReleaseReader

_ENDING = "Nothing was accepted.\n"
_FSCK = ("receive.fsckobjects", "transfer.fsckobjects")


class Settings(NamedTuple):
    """What the server's own git configuration says. ``target`` is None where it says nothing."""

    target: RepoId | None
    checks_objects: bool


def main(argv: Sequence[str]) -> int:
    """Judge what is being received. Git gives a pre-receive hook no arguments."""
    del argv
    try:
        push = parse_received(read_input())
        if not push.updates:
            return int(Exit.PASSED)
        verdict, gate = _judge(push)
        code = exit_code(verdict)
        if code is Exit.PASSED:
            say(_summary(verdict))
            return int(code)
        return int(conclude(push, verdict, code, gate, _ENDING))
    except HubpolicyError as error:
        return int(refuse(error, _ENDING))
    except KeyboardInterrupt:
        say(f"hubpolicy: interrupted\n{_ENDING}")
        return int(Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - whatever it is, the push stops with one sentence
        return int(crash(error, _ENDING))


def read_settings(git: Git) -> Settings:
    """Ask git for ``hubpolicy.target``, ``hubpolicy.endpoint`` and the check of objects.

    Raises:
        ConfigError: the target is no repository's name, or the endpoint no address.

    """
    from hubpolicy.domain.release import DEFAULT_ENDPOINT, parse_repo_id

    listed = git.line("config", "--get-regexp", r"^hubpolicy\.")
    found = dict(line.partition(" ")[::2] for line in listed.split("\n"))
    name = found.get("hubpolicy.target", "")
    target = None
    if name:
        endpoint = found.get("hubpolicy.endpoint", DEFAULT_ENDPOINT).rstrip("/")
        try:
            target = parse_repo_id(name, endpoint=endpoint)
        except MalformedError as error:
            message = f"{error.message}, in hubpolicy.target of this repository's configuration"
            raise ConfigError(message, hint="git config hubpolicy.target NAMESPACE/NAME") from error
    return Settings(target, _checks_objects(git))


def _checks_objects(git: Git) -> bool:
    """What git itself makes of the two keys; the first that is set decides."""
    said = (git.line("config", "--type=bool", "--get", name) for name in _FSCK)
    return next((word for word in said if word), "false") == "true"


def _judge(push: Push) -> tuple[PushVerdict, Callable[[], Gate]]:
    git = open_git("", os.environ, inherit_place=True, quarantine=True)
    repository = ReceivingRepository(git)
    expect(push, repository)
    gate, _ = load_gate()
    settings = read_settings(git)
    if not settings.checks_objects:
        message = "this repository does not check what it receives"
        raise ConfigError(message, hint="on the server: git config receive.fsckObjects true")
    gate = speaking(gate, settings.target)
    fix = f"git lfs push --all origin, then push again; on the server: git config {SETTING} FOLDER"
    return judge_received(push, settings.target, repository, gate, fix), gate


def expect(push: Push, repository: ReceivingRepository) -> None:
    """Let git look at what is coming while policy and trust are read."""
    new, known = objects_of(push)
    repository.expect(new, push.remote, push.url, known)


def judge_received(
    push: Push,
    target: RepoId | None,
    repository: ReceivingRepository,
    gate: Callable[[], Gate],
    absent: str,
) -> PushVerdict:
    """The verdict on what lies in quarantine; ``absent`` is what to type where LFS objects lack.

    Raises:
        ConfigError: a release is pushed, and ``target`` is None.
        HubpolicyError: whatever keeps us from deciding; nothing may be accepted then.

    """

    def judge(reader: ReleaseReader, gate: Gate) -> Judged:
        if target is None:
            message = "this push releases a model, and nobody said which repository this is"
            hint = "on the server: git config hubpolicy.target NAMESPACE/NAME"
            raise ConfigError(message, hint=hint)
        return _with_stored(judge_release(reader, gate, target), absent)

    return judge_push(push, target, repository, gate, judge)


def _with_stored(judged: Judged, fix: str) -> Judged:
    """LFS objects come before refs: what is not in the store now was never uploaded."""
    reader = judged.reader
    absent = reader.absent() if isinstance(reader, GitTreeRelease) else ()
    return without_content(judged, absent, fix)


def _summary(verdict: PushVerdict) -> str:
    from hubpolicy.cli.hook_screen import summary

    return summary(verdict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
