# SPDX-License-Identifier: Apache-2.0
"""Entry point of the hook: ``python -I -m hubpolicy.prepush REMOTE URL`` with git's refs on stdin.

Every ending has an exit code of docs/adr/0004, every code but 0 stops the push, and whatever goes
wrong is one sentence on standard error. Nothing is imported here that a passing push does not
need (docs/adr/0003); a push that is refused may take its time.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from hubpolicy.adapters.gateways import behind, known_gateways
from hubpolicy.adapters.git import GitRepository
from hubpolicy.adapters.git_process import open_git
from hubpolicy.adapters.git_release import GitTreeRelease
from hubpolicy.adapters.home import GATE_FILE, POLICY_FILE, user_home
from hubpolicy.adapters.pins import GitPins, file_pins
from hubpolicy.cli.exits import Exit, for_decision, for_error, for_findings, worst
from hubpolicy.core.remotes import redact, target_of
from hubpolicy.domain.refs import parse_push
from hubpolicy.errors import ConfigError, HubpolicyError
from hubpolicy.flows.prepush import Gate, Judged, PushVerdict, judge_push, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.refs import Push
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import ReleaseReader

_MAX_STDIN = 64 * 1024 * 1024
_ENDING = "Nothing was pushed.\n"
PARANOID = "HUBPOLICY_PARANOID"
"""Set, every Git LFS object is read and hashed: it can only tighten, so the environment may."""


def main(argv: Sequence[str]) -> int:
    """Judge one push. ``argv`` is what git gives a pre-push hook: remote name and URL."""
    try:
        push = _read_push(argv)
        if not push.updates:
            return int(Exit.PASSED)
        verdict, gate = _judge(push)
        code = exit_code(verdict)
        if code is Exit.PASSED:
            say(_summary(verdict))
            return int(code)
        return int(_settle(push, verdict, code, gate))
    except HubpolicyError as error:
        return int(refuse(error))
    except KeyboardInterrupt:
        say(f"hubpolicy: interrupted\n{_ENDING}")
        return int(Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - whatever it is, the push stops with one sentence
        return int(crash(error))


def _read_push(argv: Sequence[str]) -> Push:
    if len(argv) != 2:
        message = f"got {len(argv)} arguments, expected the remote's name and URL from git"
        raise ConfigError(message, hint="hubpolicy hook run REMOTE URL < refs")
    return parse_push(argv[0], argv[1], read_input())


def read_input() -> bytes:
    """All that git says on standard input.

    Raises:
        ConfigError: more than 64 MiB.

    """
    stdin = sys.stdin.buffer.read(_MAX_STDIN + 1)
    if len(stdin) > _MAX_STDIN:
        message = f"got more than {_MAX_STDIN} bytes of refs from git"
        raise ConfigError(message, hint="push fewer refs at once")
    return stdin


def _judge(push: Push) -> tuple[PushVerdict, Callable[[], Gate]]:
    repository = GitRepository(open_git("", os.environ, inherit_place=True))
    new, known = objects_of(push)
    repository.expect(new, push.remote, push.url, known)
    gate, endpoints = load_gate()  # while git looks
    target = _target(push.url, endpoints)
    gate = speaking(gate, target)

    def judge(reader: ReleaseReader, gate: Gate) -> Judged:
        judged = judge_release(reader, gate, target)
        return _with_all_read(judged) if os.environ.get(PARANOID, "0") != "0" else judged

    return judge_push(push, target, repository, gate, judge), gate


def _settle(push: Push, verdict: PushVerdict, code: Exit, gate: Callable[[], Gate]) -> Exit:
    """What did not pass may still go into a private workspace, but for what was withdrawn."""
    find_all_packages()
    from hubpolicy.cli.hook_workspace import why_judged
    from hubpolicy.core.rules import hp703

    withdrawn = any(finding.rule == hp703.ID for finding in findings_of(verdict))
    reason = "" if withdrawn else why_judged(gate().policy, verdict.target)
    if reason is None and verdict.target is not None:
        say(f"hubpolicy: {verdict.target.text} is a private workspace: not judged, not released\n")
        return Exit.PASSED
    ending = f"{reason}\n{_ENDING}" if reason else _ENDING
    return conclude(push, verdict, code, gate, ending)


def conclude(
    push: Push, verdict: PushVerdict, code: Exit, gate: Callable[[], Gate], ending: str = _ENDING
) -> Exit:
    """Show what did not pass. It is refused, unless the governing policy only observes.

    Only findings are observed; who could not decide at all never gets here (docs/adr/0012).
    """
    find_all_packages()
    from hubpolicy.cli.hook_screen import observed, screen
    from hubpolicy.core.observing import only_observed

    at = gate()
    until = only_observed(at.policy, at.now, findings_of(verdict))
    if not until:
        say(screen(push, verdict, code, ending=ending))
        return code
    say(screen(push, verdict, code, ending=observed(at.policy, until, findings_of(verdict))))
    return Exit.PASSED


def find_all_packages() -> None:
    """The hub's client and the card check need packages that the verdict does not."""
    if sys.flags.no_site:
        import site

        site.main()


def findings_of(verdict: PushVerdict) -> tuple[Finding, ...]:
    """Everything that was found, in all refs and in the history."""
    judged = (ref.judged for ref in verdict.refs if ref.judged is not None)
    return (*(f for one in judged for f in one.decision.findings), *verdict.history)


def judge_release(reader: ReleaseReader, gate: Gate, target: RepoId | None) -> Judged:
    """Read, verify and judge one release."""
    from hubpolicy.adapters.children import from_environment, in_release, tightened
    from hubpolicy.core.judge import judge
    from hubpolicy.flows.assemble import assemble

    evidence = assemble(reader, target, gate.policy, gate.trust, gate.now)
    children = (*from_environment(os.environ), *in_release(reader))
    evidence = evidence._replace(policy=tightened(gate.policy, children))
    return Judged(reader, evidence, judge(evidence))


def _with_all_read(judged: Judged) -> Judged:
    """Every Git LFS object is here, and is the bytes of its sha256: all of it is read."""
    reader = judged.reader
    altered = reader.altered() if isinstance(reader, GitTreeRelease) else ()
    return without_content(judged, altered, "git lfs fsck, then git lfs fetch")


def without_content(judged: Judged, paths: tuple[str, ...], fix: str) -> Judged:
    """The verdict where the content behind these pointers is not what they say, or not here."""
    if not paths:
        return judged
    from hubpolicy.core.rules import hp404
    from hubpolicy.domain.finding import verdict_of

    missing = tuple(found._replace(fix=fix) for found in hp404.check((), paths))
    findings = (*judged.decision.findings, *missing)
    decision = judged.decision._replace(verdict=verdict_of(findings), findings=findings)
    return judged._replace(decision=decision)


def _target(url: str, endpoints: tuple[str, ...]) -> RepoId | None:
    """The repository that a push to this URL writes; behind a gateway, as the hub's own."""
    gateways = known_gateways()
    target = target_of(url, (*endpoints, *gateways))
    return None if target is None else behind(target, gateways)


def load_gate() -> tuple[Callable[[], Gate], tuple[str, ...]]:
    """How to get policy and trust, and which URLs are a hub's besides the public one.

    A user without a policy still pushes what releases nothing; a broken one stops everything.
    """
    environment = os.environ.get("HF_ENDPOINT", "")
    # The address is printed and compared with what was signed; a login in it is neither.
    named = (redact(environment).rstrip("/"),) if environment else ()
    home = user_home()
    # A hub that the machine knows is one for everybody on it, whatever their home says.
    named = (*named, *(pin.endpoint for pin in file_pins() if pin.endpoint))
    if not any(os.path.lexists(home.path(name)) for name in (GATE_FILE, POLICY_FILE)):
        return _refuse_to_release, named
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.trusted import open_trusted

    trusted = open_trusted(home)
    gate = Gate(trusted.policy, trusted.trust, SystemClock().now())
    return lambda: gate, (*trusted.meta.endpoints, *named)


def speaking(gate: Callable[[], Gate], target: RepoId | None) -> Callable[[], Gate]:
    """The gate, refusing to speak for a namespace that this machine reserves for another trust."""
    if target is None:
        return gate
    asked = GitPins(os.environ)  # git looks while the release is read

    @cache
    def ask() -> Gate:
        from hubpolicy.adapters.trusted import read_documents, require_may_speak

        found, pins = gate(), (*file_pins(), *asked.read())
        require_may_speak(found, (target.namespace,), pins, lambda: read_documents(user_home()))
        return found

    return ask


def _refuse_to_release() -> Gate:
    from hubpolicy.adapters.trusted import what_to_type

    message = "this push releases a model, and there is no policy to judge it by"
    raise ConfigError(message, hint=what_to_type(user_home()) or "hubpolicy init")


def exit_code(verdict: PushVerdict) -> Exit:
    """The worst of all refs and of the history."""
    judged = (ref.judged for ref in verdict.refs if ref.judged is not None)
    codes = {for_decision(one.decision, gate=True) for one in judged}
    return worst({*codes, for_findings(verdict.history, gate=True)})


def _summary(verdict: PushVerdict) -> str:
    from hubpolicy.cli.hook_screen import summary

    return summary(verdict, here=True)


def refuse(error: HubpolicyError, ending: str = _ENDING) -> Exit:
    """Say why nobody could decide, and what to type."""
    from hubpolicy.render.escape import terminal

    hint = f"\n    fix: {terminal(error.hint)}" if error.hint else ""
    say(f"✗ hubpolicy: {terminal(error.message)}{hint}\n{ending}")
    return for_error(error, gate=True)


def crash(error: Exception, ending: str = _ENDING) -> Exit:
    """A bug: keep a log, and let nothing through."""
    place = ""
    try:
        from hubpolicy.cli.crash import write_log

        place = f"\n  a log was written: {write_log(error)}"
    except Exception:  # noqa: BLE001, S110 - the push is refused either way
        pass
    say(f"✗ hubpolicy: internal error: {type(error).__name__}{place}\n{ending}")
    return Exit.INTERNAL


def say(text: str) -> None:
    """Standard error only: git's own output is on the other one. Nobody may be listening."""
    if sys.stderr is None:
        return
    rest = text.encode("utf-8", errors="backslashreplace")
    try:
        # Unbuffered: what cannot be written must not fail again when Python exits.
        while rest:
            rest = rest[os.write(sys.stderr.fileno(), rest) :]
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
