# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy doctor``: is this machine set up so that the gate holds, and what walks past it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.options import Output, endpoint, report_options
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.release import DEFAULT_ENDPOINT

if TYPE_CHECKING:
    from hubpolicy.adapters.git_process import Git
    from hubpolicy.adapters.home import Home
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.surroundings import (
        Asked,
        Clocks,
        Hook,
        Login,
        Programs,
        Reservations,
        Runtime,
        ScorerBundle,
        Setup,
        TrustSeen,
        UploadGuard,
        Workflow,
    )

BYPASSES = (
    "git push --no-verify",
    "a push from another clone or machine",
    "hf upload, push_to_hub and the hub's web page",
)
"""What no hook on this machine can stop (DESIGN.md §8): the hub's own gate and the audit do."""

_GUARDED = "uploads by another environment or by raw HTTP, and the hub's web page"
"""In place of the last, where the upload guard judges this environment."""


class Seen(NamedTuple):
    """All that was looked at.

    ``pushed``: the repositories of the asked hub among the remotes. ``targets``: the policy's
    namespaces.
    """

    programs: Programs
    hook: Hook | None
    setup: Setup
    trust: TrustSeen | None
    reserved: Reservations
    scorers: tuple[ScorerBundle, ...]
    runtime: Runtime
    hub: Asked
    clocks: Clocks
    login: Login
    workflows: tuple[Workflow, ...] | None
    guard: UploadGuard
    pushed: tuple[RepoId, ...] = ()
    targets: frozenset[str] = frozenset()


class Examined(NamedTuple):
    """One row: what, what was seen, what is wrong with it, and whether anybody could look."""

    name: str
    said: str
    findings: tuple[Finding, ...]
    looked: bool = True


@click.command(
    epilog="""\b
Examples:
  hubpolicy doctor                 this machine and the repository in this folder
  hubpolicy doctor ./my-model --ci also the set-up of GitHub or GitLab
  hubpolicy doctor --offline       ask no hub for its clock and your token's role
\b
Exit codes: 0 nothing is broken (there may be warnings), 1 something is, 2 usage,
3 nothing is broken as far as anybody could look: a row is unknown, and not judged.
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--ci", is_flag=True, help="Also look at PATH's workflows and .gitlab-ci.yml.")
@report_options
def doctor(*, path: str, ci: bool, output: Output) -> None:
    """Look at git, hook, policy, trust, scorer, runtime, clock and token; say what to mend."""
    from hubpolicy.cli.exits import Exit, for_findings
    from hubpolicy.cli.output import finish
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.render.report import Report, Row

    seen = look(path, ci=ci, offline=output.offline)
    examined = examine(seen)
    findings = tuple(finding for row in examined for finding in row.findings)
    rows = tuple(Row(row.name, f"{_word(row):<9}{row.said}") for row in examined)
    unknown = unjudged(examined)
    solo = seen.setup.documents[0].solo if seen.setup.documents else None
    report = Report(
        command="doctor",
        title=f"hubpolicy doctor {path}",
        verdict="inconclusive" if unknown else verdict_of(findings),
        exit_code=Exit.NOT_EVALUATED if unknown else for_findings(findings, gate=False),
        findings=findings,
        rows=(*rows, Row("reached", reached(seen))),
        solo=solo,
        closing=closing(seen.guard),
        outcome=f"not judged: {', '.join(unknown)}" if unknown else "",
    )
    finish(report, output)


def look(path: str, *, ci: bool, offline: bool) -> Seen:
    """Look at everything, once."""
    from hubpolicy.adapters import surroundings
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.home import user_home
    from hubpolicy.adapters.workflows import workflows
    from hubpolicy.cli.guard import seen as guard_seen
    from hubpolicy.cli.init import PUBLIC_KEY_FILE
    from hubpolicy.cli.wiring import KEY_FILE

    hub = endpoint()
    git = surroundings.repository(path)
    home = user_home()
    repos = _hubs(path, hub) if git is not None else ()
    return Seen(
        programs=surroundings.programs(git),
        hook=_hook_seen(git, path, repos),
        setup=surroundings.setup(home, home.path(*KEY_FILE), home.path(*PUBLIC_KEY_FILE)),
        trust=surroundings.trust_seen(home),
        reserved=surroundings.reservations(home),
        scorers=_scorers(home),
        runtime=surroundings.runtime(),
        hub=surroundings.asked(hub),
        clocks=surroundings.clocks(SystemClock().now(), hub, offline=offline),
        login=surroundings.login(hub, offline=offline),
        workflows=workflows(Path(path)) if ci else None,
        guard=guard_seen(),
        pushed=tuple(repo for repo in repos if repo.endpoint == hub.rstrip("/")),
        targets=surroundings.targets(home),
    )


def _hook_seen(git: Git | None, path: str, repos: tuple[RepoId, ...]) -> Hook | None:
    from hubpolicy.adapters import surroundings
    from hubpolicy.cli.hook_text import there

    found = surroundings.hook(git, (repo.text for repo in repos))
    return found and found._replace(fix=there(found.fix, path))


def examine(seen: Seen) -> tuple[Examined, ...]:
    """Everything in the order in which a push needs it."""
    from hubpolicy.core.rules import (
        hp901,
        hp902,
        hp903,
        hp904,
        hp905,
        hp906,
        hp907,
        hp908,
        hp912,
    )

    git, lfs = seen.programs.git, seen.programs.git_lfs
    wrong = hp906.check(seen.clocks)
    compared = "differs from the hub's" if wrong else "agrees with the hub's"
    clock = compared if seen.clocks.there else "not compared with a hub's"
    asked = bool(seen.login.name or seen.login.problem)
    token = hp907.check(seen.login, seen.pushed, seen.targets)
    rows = [
        Examined("git", f"{git or 'none'}, git-lfs {lfs or 'none'}", hp901.check(seen.programs)),
        Examined("hook", _hook(seen.hook), hp902.check(seen.hook), looked=seen.hook is not None),
        Examined("uploads", _guard(seen.guard), hp912.check(seen.guard), looked=seen.guard.enabled),
        Examined("trust", _setup(seen.setup), hp903.check(seen.setup, seen.clocks.here)),
        *_team(seen),
        Examined("scorer", _scorer(seen.scorers), hp904.check(seen.scorers)),
        Examined("runtime", _runtime(seen.runtime), hp905.check(seen.runtime)),
        _hub(seen),
        Examined("clock", clock, wrong, looked=bool(seen.clocks.there)),
        Examined("token", _login(seen.login), token, looked=asked),
    ]
    if seen.workflows is not None:
        names = ", ".join(workflow.path for workflow in seen.workflows) or "no workflow"
        rows.append(Examined("ci", names, hp908.check(seen.workflows)))
    return tuple(rows)


def _team(seen: Seen) -> tuple[Examined, ...]:
    """What keeps trust fresh, not older than it was, and one's own."""
    from hubpolicy.core.rules import hp909, hp910, hp911

    trust, reserved = seen.trust, seen.reserved
    known = trust is not None
    state = "solo: it lasts as long as the policy"
    if trust is not None and not trust.solo:
        state = f"version {trust.here[2]}, until {trust.expires}, renewed by {trust.renewers}"
    names = ", ".join(each.namespace for each in reserved.names) or "nothing on this machine"
    return (
        Examined("state", state if known else "none yet", hp909.check(trust, seen.clocks.here),
                 looked=known),
        Examined("memory", _memory(trust), hp910.check(trust), looked=known),
        Examined("reserved", names, hp911.check(reserved)),
    )  # fmt: skip


def _memory(trust: TrustSeen | None) -> str:
    if trust is None:
        return "no trust to compare"
    root, policy, state = trust.seen
    if not root:
        return "nothing seen yet"
    return f"root {root}, policy {policy}, state {state}"


def _hubs(path: str, hub: str) -> tuple[RepoId, ...]:
    from hubpolicy.adapters.remotes import hub_repositories
    from hubpolicy.errors import ConfigError, ServiceError

    try:
        return hub_repositories(path, (hub,))
    except (ServiceError, ConfigError):
        return ()


def _scorers(home: Home) -> tuple[ScorerBundle, ...]:
    """The scorer that the policy pins; where it is not here, the embedded one."""
    from hubpolicy.adapters import assets, surroundings
    from hubpolicy.adapters.scorers.installed import pinned as pinned_bundle
    from hubpolicy.adapters.trusted import open_trusted
    from hubpolicy.errors import HubpolicyError

    try:
        pinned = open_trusted(home).policy.toxicity.scorers
    except HubpolicyError:
        pinned = frozenset()
    name = assets.EMBEDDED_SCORER
    try:
        folder, pin = pinned_bundle(assets.scorer_folders(), pinned)
    except HubpolicyError:
        seen = surroundings.scorer(name, assets.scorer_folder(name), "")
        return (seen._replace(pinned=min(pinned)) if pinned and not seen.problem else seen,)
    return (surroundings.scorer(pin.id, folder, ""),)


def _word(row: Examined) -> str:
    if row.findings:
        return max(row.findings, key=lambda finding: finding.severity).severity.word
    return "ok" if row.looked else "skipped"


def unjudged(rows: tuple[Examined, ...]) -> tuple[str, ...]:
    """Names of the rows about which nobody can tell; none where one is broken: that says more."""
    found = [(row.name, finding) for row in rows for finding in row.findings]
    if any(finding.severity is Severity.ERROR for _, finding in found):
        return ()
    return tuple(dict.fromkeys(name for name, each in found if each.effect == "inconclusive"))


def reached(seen: Seen) -> str:
    """The tier of DESIGN.md §8 that this machine reaches by itself."""
    if seen.setup.observes:
        return f"no tier: the policy only observes, until {seen.setup.observes}"
    pushes, uploads = seen.hook is not None and seen.hook.works, _guards(seen.guard)
    if pushes and uploads:
        return "tier 1 of 4: the hook and the upload guard stop accidents on this machine"
    if pushes:
        return "tier 1 of 4: the hook stops accidents on this machine"
    if uploads:
        return "tier 1 of 4 for uploads by this Python environment; nothing judges a git push"
    return "no tier: nothing judges a git push from here"


def _guards(guard: UploadGuard) -> bool:
    return guard.enabled and not guard.problem


def closing(guard: UploadGuard) -> str:
    """What is judged by nobody here, whatever the rows above say."""
    if not _guards(guard):
        return f"What walks past a hook: {'; '.join(BYPASSES)}."
    return f"What walks past hook and guard: {'; '.join((*BYPASSES[:-1], _GUARDED))}."


def _hook(hook: Hook | None) -> str:
    if hook is None:
        return "no git repository here"
    hubs = f", pushes to {', '.join(hook.hubs)}" if hook.hubs else ""
    if not hook.works:
        return hook.state + hubs
    by = f" by our call in {hook.script}, unless that is skipped" if hook.script else ""
    return f"judges every push{by}{hubs}"


def _guard(guard: UploadGuard) -> str:
    if guard.problem:
        return "the upload guard does not judge"
    return "judged by the upload guard" if guard.enabled else "no upload guard in this environment"


def _setup(setup: Setup) -> str:
    if not setup.documents:
        return "cannot be used" if setup.problem else "none yet"
    kind = "solo" if setup.documents[0].solo else "team"
    ends = ", ".join(f"{name} until {expires}" for name, expires, _ in setup.documents)
    return f"{kind}; {ends}"


def _scorer(scorers: tuple[ScorerBundle, ...]) -> str:
    return ", ".join(f"{each.name} {each.sha256[:12] or 'unreadable'}" for each in scorers)


def _runtime(runtime: Runtime) -> str:
    providers = ", ".join(runtime.providers)
    return f"ONNX Runtime {runtime.version} ({providers})" if runtime.version else "does not load"


def _hub(seen: Seen) -> Examined:
    from hubpolicy.core.rules import hp913

    silent = seen.clocks.silent
    said = f"{_asked(seen.hub)}{', not reached' if silent else ''}"
    looked = silent is not None
    return Examined("hub", said, hp913.check(seen.hub, silent), looked=looked)


def _asked(asked: Asked) -> str:
    if asked.problem:
        return f"{asked.endpoint}, and nobody can tell what is behind it"
    if asked.hub:
        return f"{asked.endpoint}, your gateway to {asked.hub}"
    if asked.endpoint == DEFAULT_ENDPOINT:
        return asked.endpoint
    return f"{asked.endpoint}, taken for a hub itself: gateways.toml names no gateway there"


def _login(login: Login) -> str:
    if login.silent:
        return f"not asked: {login.silent}"
    if login.problem:
        return "refused"
    if not login.name:
        return "none, or not asked"
    from hubpolicy.core.rules.hp907 import in_words

    written = f", writes {in_words(login.grants)}" if login.grants is not None else ""
    return f"{login.name}, role {login.role or 'unknown'}{written}"
