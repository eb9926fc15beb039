# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy adopt``: sign the list of what stands on the hub before anybody judged it."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import TRUST_KEY_HELP
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.baseline import Baseline
    from hubpolicy.domain.release import RepoId
    from hubpolicy.errors import ServiceError
    from hubpolicy.flows.adopting import Signed, Surveyed

_DAYS = 365
PENDING = "baseline.pending.json"
"""In a team's trust folder, until enough people have signed."""


@click.command(
    epilog="""\b
Examples:
  hubpolicy adopt acme                         every model of the namespace, as it stands now
  hubpolicy adopt acme/one acme/two --until 2027-06-30
  hubpolicy adopt acme --trust ./trust         a team's: prepared there, each signs in turn
  hubpolicy adopt --sign --trust ./trust       add my signature
\b
`hubpolicy audit` shows these very commits as BASELINE (known, never judged, never ATTESTED),
unless evidence there fails: a toxic run and a revoked file stay red.
No gate reads the list. Adopting again adds what is new and leaves the rest as it is.
\b
Exit codes: 0 signed, or nothing to add, 2 usage or trust, 3 a repository could not be read,
4 permission, 5 more people must sign.
"""
)
@click.argument("targets", nargs=-1, metavar="NAMESPACE|REPO...")
@click.option(
    "--until",
    default="",
    metavar="DATE",
    help="Last day on which it counts. Default: a year from now, which is the most.",
)
@click.option(
    "--trust",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A team's trust folder to publish it in.",
)
@click.option("--sign", "cosigning", is_flag=True, help="Sign what is pending in --trust DIR.")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=TRUST_KEY_HELP)
@click.option("--yes", is_flag=True, help="Do not ask.")  # fmt: skip
def adopt(
    *, targets: tuple[str, ...], until: str, folder: str | None, cosigning: bool, key: str,
    yes: bool,
) -> None:  # fmt: skip
    """List the tips of all branches, tags and pull requests of REPOS, and sign the list."""
    from hubpolicy.cli.exits import for_error, worst
    from hubpolicy.cli.wiring import seat
    from hubpolicy.flows.adopting import worst_of

    if bool(targets) == cosigning or (cosigning and not folder):
        message = "expected NAMESPACE or REPO, or --sign with --trust DIR"
        raise ConfigError(message, hint="hubpolicy adopt --help")
    place = seat()
    if cosigning:
        code = _cosigned(place, key, Path(folder or "."), yes=yes)
        raise click.exceptions.Exit(int(code))
    surveyed = _surveyed(targets, place)
    unread = worst_of(surveyed)
    codes = {for_error(unread, gate=False)} if unread is not None else set()
    codes |= {_signed(surveyed, place, key, folder, until, yes=yes)}
    raise click.exceptions.Exit(int(worst(codes)))


def _surveyed(targets: tuple[str, ...], place: Seat) -> Surveyed:
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import hub
    from hubpolicy.flows.adopting import Surveyed, survey
    from hubpolicy.render.escape import terminal

    repos = repositories(targets, place)
    found = Surveyed((), ())
    if repos:
        with Bars(shown=sys.stderr.isatty()) as bars:
            found = survey(repos, hub(repos[0]), bars)
    found = found._replace(unread=(*_unseen(targets), *found.unread))
    for repo, error in found.unread:
        click.echo(f"not adopted: {repo.text}: {terminal(error.message)}", err=True)
    return found


def _unseen(targets: tuple[str, ...]) -> Iterator[tuple[RepoId, ServiceError]]:
    """Whole namespaces of which a hub does not show this login all that is private."""
    from hubpolicy.adapters.hub_index import HubIndex
    from hubpolicy.adapters.login import login_token
    from hubpolicy.cli.options import endpoint
    from hubpolicy.domain.release import RepoId

    whole = tuple(dict.fromkeys(target for target in targets if "/" not in target))
    if not whole:
        return
    index = HubIndex(endpoint(), login_token())
    for namespace in whole:
        error = index.missing(namespace)
        if error is not None:
            yield RepoId(namespace, "*"), error


def repositories(targets: tuple[str, ...], place: Seat) -> tuple[RepoId, ...]:
    """Each repository once; a namespace stands for all its models.

    Raises:
        ConfigError: a name that is none, or one that the policy does not speak for.
        AccessError, ServiceError: a namespace could not be listed.

    """
    from hubpolicy.cli.options import repo_id
    from hubpolicy.cli.wiring import hub, require_may_speak
    from hubpolicy.core.targets import require_known_namespace
    from hubpolicy.errors import MalformedError

    found: dict[RepoId, None] = {}
    for target in targets:
        try:
            name = target if "/" in target else f"{target}/any"
            named = repo_id(name)
        except MalformedError as error:
            message = f"got {target!r}, expected NAMESPACE or NAMESPACE/NAME"
            raise ConfigError(message, hint="hubpolicy adopt --help") from error
        require_known_namespace(place.policy, named)
        require_may_speak(place, named.namespace)
        whole = "/" not in target
        found |= dict.fromkeys(
            hub(named).models(named.namespace, named.endpoint) if whole else (named,)
        )
    return tuple(found)


def _signed(
    surveyed: Surveyed, place: Seat, key: str, folder: str | None, until: str, *, yes: bool
) -> Exit:
    """Show what is new, ask, sign the list and write it."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.wiring import signer
    from hubpolicy.core.baseline import extended, require_until, threshold
    from hubpolicy.core.times import is_date
    from hubpolicy.flows.adopting import adopt as adopt_flow

    now = SystemClock().now()
    day = until or _later(now)
    if not is_date(day):
        message = f"got --until {day!r}, expected a date such as 2027-06-30"
        raise ConfigError(message)
    require_until(day, now)
    if threshold(place.trusted.trust) > 1 and folder is None:
        message = f"a baseline takes {threshold(place.trusted.trust)} signatures of role state"
        raise ConfigError(message, hint="hubpolicy adopt ... --trust DIR, then each of them --sign")
    _refuse_pending(folder)
    old = standing(place, folder)
    new = extended(old, surveyed.found, now, day)
    if new == old:
        return _nothing_new(surveyed)
    fresh = {entry.repo: entry for entry in new.entries if entry not in old.entries}
    for repo, _ in surveyed.found:
        if repo.purl in fresh:
            click.echo(f"  {repo.text}  {_counts(fresh[repo.purl].revisions)}")
    if not yes:
        click.confirm(
            f"sign that these stand there, unjudged, as baseline until {day}?", abort=True, err=True
        )
    mine = signer(place.home, key)
    with _alone(place, folder):
        _refuse_pending(folder)
        # Read again: what somebody else adopted while this one looked and asked stays in the list.
        newest = standing(place, folder)
        signed = adopt_flow(newest, surveyed, mine, place.trusted.trust, now, day)
        if signed is None:
            return _nothing_new(surveyed)
        return _publish(signed, place, folder)


def _nothing_new(surveyed: Surveyed) -> Exit:
    from hubpolicy.cli.exits import Exit

    click.echo(f"nothing to add: {surveyed.commits} commits, all listed already")
    return Exit.PASSED


def _refuse_pending(folder: str | None) -> None:
    if folder is not None and (Path(folder) / PENDING).exists():
        message = f"{Path(folder) / PENDING} still waits for signatures"
        raise ConfigError(message, hint=f"hubpolicy adopt --sign --trust {folder}, or remove it")


@contextmanager
def _alone(place: Seat, folder: str | None) -> Iterator[None]:
    """One process at a time reads a list, adds to it and writes it: here and in that folder."""
    from hubpolicy.adapters.trust_folder import folder_lock
    from hubpolicy.adapters.trust_memory import trust_lock

    with ExitStack() as held:
        held.enter_context(trust_lock(place.home))
        if folder is not None:
            held.enter_context(folder_lock(Path(folder)))
        yield


def standing(place: Seat, folder: str | None) -> Baseline:
    """The baseline that holds now, a team's in its folder; what does not hold is not carried on.

    A child's fewer namespaces hide nothing of it here: what is not read would not be written again.
    """
    from hubpolicy.cli.audit import baseline_at
    from hubpolicy.cli.wiring import BASELINE_DOCUMENT

    own = Path(place.home.path(*BASELINE_DOCUMENT))
    place = place._replace(trusted=place.trusted._replace(policy=place.governing))
    return baseline_at(place, own if folder is None else Path(folder) / BASELINE_DOCUMENT[-1])


def _counts(revisions: tuple[object, ...]) -> str:
    return "1 commit" if len(revisions) == 1 else f"{len(revisions)} commits"


def _later(now: str) -> str:
    from datetime import date, timedelta

    return (date.fromisoformat(now[:10]) + timedelta(days=_DAYS)).isoformat()


def _cosigned(place: Seat, key: str, folder: Path, *, yes: bool) -> Exit:
    from hubpolicy.adapters.home import read_config
    from hubpolicy.cli.wiring import signer
    from hubpolicy.core.baseline import signed_by
    from hubpolicy.flows.adopting import cosign
    from hubpolicy.render.escape import terminal

    path = str(folder / PENDING)
    if not Path(path).exists():
        message = f"nothing waits for a signature: there is no {path}"
        raise ConfigError(message, hint=f"hubpolicy adopt NAMESPACE --trust {folder} prepares it")
    raw = read_config(path)
    baseline, people = signed_by(raw, place.trusted.trust, where=path)
    for entry in baseline.entries:
        line = f"  {entry.repo}  {_counts(entry.revisions)}, until {entry.until}"
        click.echo(terminal(line))
    click.echo(terminal(f"signed by {', '.join(sorted(people)) or 'nobody'}"))
    if not yes:
        click.confirm("sign that these stand there, unjudged?", abort=True, err=True)
    mine = signer(place.home, key)
    with _alone(place, str(folder)):
        if read_config(path) != raw:
            message = f"{path} changed while you read it"
            raise ConfigError(
                message, hint=f"hubpolicy adopt --sign --trust {folder} shows it anew"
            )
        there = standing(place, str(folder)).version
        if there >= baseline.version:
            message = f"{path} is version {baseline.version}, and version {there} is published"
            hint = f"remove it, then: hubpolicy adopt NAMESPACE --trust {folder}"
            raise ConfigError(message, hint=hint)
        signed = cosign(raw, mine, place.trusted.trust, where=path)
        return _publish(signed, place, str(folder))


def _publish(signed: Signed, place: Seat, folder: str | None) -> Exit:
    """Write it where it belongs; how many must still sign decides where that is."""
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.wiring import BASELINE_DOCUMENT

    if signed.missing and folder is not None:
        path = Path(folder) / PENDING
        write_atomic(path, signed.document)
        click.echo(f"prepared {path}: {signed.missing} more must sign it")
        click.echo(f"  next: hubpolicy adopt --sign --trust {folder}")
        return Exit.PENDING
    if folder is not None:
        write_atomic(Path(folder) / BASELINE_DOCUMENT[-1], signed.document)
        (Path(folder) / PENDING).unlink(missing_ok=True)
    write_atomic(place.home.path(*BASELINE_DOCUMENT), signed.document)
    number = sum(len(entry.revisions) for entry in signed.baseline.entries)
    click.echo(f"baseline version {signed.baseline.version}: {number} commits, never judged")
    return Exit.PASSED
