# SPDX-License-Identifier: Apache-2.0
"""What ``hook install --run-tests`` adds: a push that lacks evidence makes it, and goes again.

The push itself is refused all the same: git took its commit before the evidence was there, and a
server drops a connection that waits for a long test (DESIGN.md §8). Only what the work tree shows
is tested, so it must be the very commit that was pushed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from hubpolicy.adapters.git_process import Git
    from hubpolicy.domain.refs import Push

_EVIDENCE = (".hubpolicy", "model.sig", ".gitattributes")
_TARGET = "hubpolicy.target"
_WAITING = """\
Approvals are missing; what is signed so far is committed on top.
  who must agree:   hubpolicy approvals .
  each of them:     hubpolicy approve . --as ROLE, and commit what it writes to .hubpolicy
  then:             git push, which signs the release, and git push again"""
# What git says to a hook about one repository (git rev-parse --local-env-vars), and about a push.
_LOCAL = frozenset(
    (
        "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE",
        "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_INTERNAL_SUPER_PREFIX",
    )
)  # fmt: skip


def prepare(push: Push) -> Exit:
    """Check, test, attest, commit. Blocked in any case: what git was to send has no evidence."""
    from hubpolicy.adapters.git_process import open_git

    git = open_git("", os.environ)
    target = _target(git, push)
    attest = ("attest", ".", *(("--repo", target) if target else ()))
    steps = (("check", "."), ("test", ".", "--if-missing"), attest)
    reason = _why_not(git, push)
    if reason:
        _say(f"--run-tests: {reason}. To make the evidence by hand:")
        for step in steps:
            _say(f"  hubpolicy {' '.join(step)}")
        _say(f"  git add {' '.join(_EVIDENCE)} && git commit, then tag and push again")
        return Exit.BLOCKED
    for step in steps:
        _say(f"$ hubpolicy {' '.join(step)}")
        code = _run(sys.executable, "-I", "-m", "hubpolicy", *step)
        if step is attest and code == Exit.PENDING:
            return _commit(git, _WAITING, "Add evidence that waits for approvals")
        if code:
            _say(f"--run-tests: hubpolicy {step[0]} ended with {code}; nothing was committed")
            _say(f"  what it wrote so far lies in {', '.join(_EVIDENCE)}")
            if step is attest and not target:
                _say(f"  for which repository? git config {_TARGET} NAMESPACE/NAME")
            return Exit.BLOCKED
    return _commit(git, "The evidence is committed on top: run git push again.", "Add evidence")


def _commit(git: Git, done: str, message: str) -> Exit:
    """Blocked in any case, and nothing left lying that would keep the next push from all this."""
    here = [name for name in _EVIDENCE if os.path.lexists(name)]
    added = _run("git", "add", "--", *here)
    staged = bool(git.run("diff", "--cached", "--name-only", "-z"))
    if added or (staged and _run("git", "commit", "-q", "-m", message)):
        _say("--run-tests: git could not commit the evidence")
    else:
        _say(done)
    return Exit.BLOCKED


def _target(git: Git, push: Push) -> str:
    """The repository that the evidence is for: the one that is pushed to, or the one configured."""
    from hubpolicy.core.remotes import target_of
    from hubpolicy.prepush import load_gate

    found = target_of(push.url, load_gate()[1])
    return found.text if found is not None else git.line("config", "--get", _TARGET)


def _why_not(git: Git, push: Push) -> str:
    """Why this push is not one that can be prepared here; empty if it is."""
    head = git.line("rev-parse", "--verify", "HEAD")
    sent = {update.local_oid for update in push.updates if not update.deletes}
    if any(update.remote_ref.startswith("refs/tags/") for update in push.updates):
        return "a tag names one commit for ever, and the evidence is committed after it"
    if sent != {head}:
        return "what is pushed is not the commit that is checked out"
    if git.line("rev-parse", "--is-inside-work-tree") != "true":
        return "there is no work tree to test"
    if git.run("status", "--porcelain", "-z"):
        return "the work tree has changes that are not committed"
    return ""


def _run(*command: str) -> int:
    """One command as a person would type it, with the terminal to ask on if there is one."""
    environment = {k: v for k, v in os.environ.items() if k not in _LOCAL}
    terminal = None
    with suppress(OSError):
        terminal = Path("/dev/tty").open("rb")  # noqa: SIM115 - closed below; git took our stdin
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=sys.stderr,
            check=False,
        )
    finally:
        if terminal is not None:
            terminal.close()
    return done.returncode


def _say(text: str) -> None:
    click.echo(text, err=True)
