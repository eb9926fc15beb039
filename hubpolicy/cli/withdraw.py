# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy withdraw``: take a release back, in one command that can be typed again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.options import TRUST_KEY_HELP, repo_id
from hubpolicy.errors import AccessError, ConfigError, HubpolicyError, MalformedError

if TYPE_CHECKING:
    from hubpolicy.adapters.hub import HubClient
    from hubpolicy.adapters.withdrawals import Opened
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.withdrawal import Holders, Step, Withdrawal
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.withdrawing import Asked, Kept

_MARKS = {"done": "✓", "already": "✓", "pending": "…", "failed": "✗"}
_MOST = 20


class Trip(NamedTuple):
    """One withdrawal: who does it, what is asked, on which hub; ``base`` is where it is kept."""

    place: Seat
    asked: Asked
    client: HubClient
    base: Path
    bars: Bars


class Target(click.ParamType["tuple[RepoId, str]"]):
    """``NAMESPACE/NAME[@REVISION]`` on the endpoint in ``HF_ENDPOINT``."""

    name = "REPO[@REV]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[RepoId, str]:
        """Parse strictly; without a revision it is ``main``."""
        name, at, revision = str(value).partition("@")
        if at and not revision:
            self.fail(f"got {value!r}, expected a revision behind the @", param, ctx)
        try:
            return repo_id(name), revision or "main"
        except MalformedError as error:
            self.fail(error.message, param, ctx)


@click.command(
    epilog="""\b
Examples:
  hubpolicy withdraw acme/my-model --reason "toxicity test was skipped" --dry-run
  hubpolicy withdraw acme/my-model --reason "toxicity test was skipped"
  hubpolicy withdraw acme/my-model@v1.0 --reason "see ticket 4711" --trust ./trust
  hubpolicy withdraw acme/my-model --reason "..." --folder ./my-model    the hub is away
\b
What it does, in this order: keeps evidence and listing; makes the repository private; signs a
revocation of the weight files, so that any release that holds one is refused from then on; looks
for other revisions and repositories that hold them; drafts an advisory. What fails keeps nothing
else from being done: type it again, and it goes on. A revocation is never taken back.
\b
Exit codes: 0 all done, 1 trust does not hold, 2 usage or trust, 3 something could not be done
or read, 4 permission or key missing, 5 more people must sign.
"""
)
@click.argument("target", type=Target())
@click.option("--reason", required=True, help="Why, for the record and for the advisory.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where to keep evidence and advisory. Default: your state folder.",
)
@click.option(
    "--trust",
    "trust_folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A team's trust folder: the revocation is prepared there.",
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="PATH",
    help="A local copy of the release, for when the hub cannot be asked what it holds. "
    "Where it can, the copy may hold no other weight files.",
)
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=TRUST_KEY_HELP)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change and write nothing.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format on standard output.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")  # fmt: skip
def withdraw(
    *,
    target: tuple[RepoId, str],
    reason: str,
    keep: str | None,
    trust_folder: str | None,
    folder: str | None,
    key: str,
    dry_run: bool,
    format_: str,
    yes: bool,
) -> None:
    """Take REPO back: private, its weight files revoked for ever, an advisory drafted."""
    from hubpolicy.adapters import withdrawals
    from hubpolicy.cli.progress import Bars

    with Bars(shown=sys.stderr.isatty()) as bars:
        trip = _trip(target, reason, keep, trust_folder, bars)
        kept, opened = _looked(trip, folder)
        record = kept.record if opened is None else opened.record
        if dry_run:
            _say_dry(record, _held(trip, record), format_)
            return
        if format_ == "text":
            _say_what(record)
        if not yes:
            question = f"withdraw {record.repo.text}: make it private, revoke these for ever?"
            click.confirm(question, abort=True, err=True)
        from hubpolicy.flows.withdrawing import worth_keeping

        opened = opened or withdrawals.begin(trip.base, record, worth_keeping(kept.files))
        steps, others = _take_back(trip, opened, key, trust_folder)
    if format_ == "json":
        _say_json(record, steps, others, str(opened.folder))
    else:
        _say(opened, steps, others)
    raise click.exceptions.Exit(int(_exit(steps, others)))


def _trip(
    target: tuple[RepoId, str], reason: str, keep: str | None, trust: str | None, bars: Bars
) -> Trip:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.revoking import require_place
    from hubpolicy.cli.wiring import hub, require_may_speak, seat
    from hubpolicy.core.targets import require_known_namespace
    from hubpolicy.flows.withdrawing import Asked

    repo, revision = target
    if not reason.strip() or len(reason) > 4000:
        message = "got no reason, or one of more than 4000 characters"
        raise ConfigError(message, hint='hubpolicy withdraw ... --reason "what is wrong"')
    place = seat()
    require_known_namespace(place.policy, repo)
    require_may_speak(place, repo.namespace)
    require_place(place, trust)
    base = Path(keep) if keep else Path(place.home.state) / "withdrawn"
    return Trip(place, Asked(repo, revision, reason, SystemClock().now()), hub(repo), base, bars)


def _looked(trip: Trip, folder: str | None) -> tuple[Kept, Opened | None]:
    """What stands there, and the withdrawal that was begun before, if there is one.

    Where the hub cannot be asked: the local copy that is named, else what was kept before.
    """
    from hubpolicy.adapters import withdrawals
    from hubpolicy.flows.withdrawing import Kept, look

    asked, trust = trip.asked, trip.place.trusted.trust
    try:
        kept = look(asked, trip.client, trust)
    except HubpolicyError as error:
        opened = withdrawals.find(trip.base, asked.repo, revision=asked.revision)
        if opened is None and folder is None:
            hint = "type it again with --folder PATH, a local copy: the revocation needs no hub"
            error.hint = f"{error.hint}; {hint}" if error.hint else hint
            raise
        _warn(f"the hub could not be asked: {error.message}")
        if folder is not None or opened is None:
            return _looked_here(trip, str(folder))
        _warn(_kept_before(opened.record))
        return Kept(opened.record, ()), opened
    if folder is not None:
        _require_same(kept.record, _looked_here(trip, folder)[0].record, folder)
    return kept, withdrawals.find(trip.base, asked.repo, oid=kept.record.oid)


def _looked_here(trip: Trip, folder: str) -> tuple[Kept, Opened | None]:
    """A local copy, and the withdrawal of just these files that was begun before, if any."""
    from hubpolicy.adapters import withdrawals
    from hubpolicy.cli.wiring import folder as read_folder
    from hubpolicy.flows.withdrawing import look_here

    asked = trip.asked
    kept = look_here(asked, read_folder(folder, trip.bars), trip.place.trusted.trust)
    same = withdrawals.find(trip.base, asked.repo, revision=asked.revision, like=kept.record)
    return kept, same


def _require_same(record: Withdrawal, here: Withdrawal, folder: str) -> None:
    """The hub's word goes; a copy with other weights was meant for something else."""
    other = here.revoked_files - record.revoked_files
    paths = [weight.path for weight in here.weights if weight.sha256 in other]
    if paths:
        at = f"{record.repo.text}@{record.revision} (commit {record.oid[:12]})"
        message = f"got {paths[0]!r} in {folder}, which is no weight file of {at}"
        hint = "leave out --folder; other files: hubpolicy trust revoke file SHA256"
        raise ConfigError(message, hint=hint)


def _kept_before(record: Withdrawal) -> str:
    """Of what the record is that is gone on with: the name may mean another commit by now."""
    of = f"commit {record.oid[:12]}" if record.oid else "a local copy"
    return (
        f"going on with what was kept on {record.asked}: {of}, as {record.revision} was then. "
        "If something else is to be withdrawn, name a local copy with --folder PATH"
    )


def _take_back(
    trip: Trip, opened: Opened, key: str, trust: str | None
) -> tuple[tuple[Step, ...], Holders]:
    """Hide, revoke, look around, write the advisory: each whether or not the one before could."""
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.withdrawals import STEPS, write_advisory
    from hubpolicy.cli.revoking import revoke
    from hubpolicy.core.withdrawal import Holders, Step, steps_bytes
    from hubpolicy.flows.withdrawing import hide
    from hubpolicy.render.advisory import render

    record = opened.record
    steps: tuple[Step, ...] = (
        Step("kept", "done", str(opened.folder)),
        hide(record.repo, trip.client),
        revoke(trip.place, record, key, trust),
    )
    write_advisory(opened.folder, render(record, steps, Holders()))  # looking around takes long
    others = _held(trip, record)
    advisory = write_advisory(opened.folder, render(record, steps, others))
    steps = (*steps, Step("advisory", "done", str(advisory)))
    write_atomic(opened.folder / STEPS, steps_bytes(steps, others))
    return steps, others


def _held(trip: Trip, record: Withdrawal) -> Holders:
    """Who else holds these files, in the repository and in the policy's namespaces."""
    from hubpolicy.flows.withdrawing import holders, namespace_models

    policy = trip.place.policy
    names = dict.fromkeys((record.repo.namespace, *policy.namespaces, *policy.workspaces))
    others, unlisted = namespace_models(tuple(names), record.repo.endpoint, trip.client)
    found = holders(record, others, trip.client, trip.bars)
    return found._replace(unread=(*unlisted, *found.unread))


def _exit(steps: tuple[Step, ...], others: Holders) -> Exit:
    from hubpolicy.cli.exits import Exit, for_error, worst

    codes = {for_error(step.error, gate=False) for step in steps if step.error is not None}
    codes |= {Exit.PENDING for step in steps if step.state == "pending"}
    codes |= {Exit.NOT_EVALUATED for _ in others.unread}
    return worst(codes)


def _warn(text: str) -> None:
    from hubpolicy.render.escape import terminal

    click.echo(terminal(text), err=True)


def _line(text: str) -> None:
    from hubpolicy.render.escape import terminal

    click.echo(terminal(text))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _say_what(record: Withdrawal) -> None:
    commit = f" (commit {record.oid[:12]})" if record.oid else ""
    _line(f"hubpolicy withdraw {record.repo.text}@{record.revision}{commit}")
    weights, releases = len(record.weights), len(record.releases)
    _line(f"  {_counted(weights, 'weight file')}, {_counted(releases, 'release line')}")
    for weight in record.weights[:_MOST]:
        empty = "" if weight.size else "  (empty: not revoked)"
        _line(f"    {weight.sha256[:12]}  {weight.size:>14,} bytes  {weight.path}{empty}")
    if len(record.weights) > _MOST:
        _line(f"    and {len(record.weights) - _MOST} more")


def _say_dry(record: Withdrawal, others: Holders, format_: str) -> None:
    if format_ == "json":
        _say_json(record, (), others, "")
        return
    _say_what(record)
    _line("  would be kept, made private, and revoked for ever; an advisory would be drafted")
    _say_holders(others)
    _line("Nothing was changed (dry run).")


def _say(opened: Opened, steps: tuple[Step, ...], others: Holders) -> None:
    for step in steps:
        was = " (was already)" if step.state == "already" else ""
        _line(f"  {_MARKS[step.state]} {step.name:<9} {step.detail}{was}")
    _say_holders(others)
    refused = [step for step in steps if isinstance(step.error, AccessError)]
    for step in refused:
        what = "make it private on its settings page, or ask somebody who may"
        _line(f"  to do by hand: {what if step.name == 'private' else step.detail}")
    if any(step.state == "failed" for step in steps) or others.unread:
        _line(f"Not everything is done. Type the same command again: it goes on in {opened.folder}")
        return
    _line("Releases that hold one of these files are refused from now on. Publish the advisory.")


def _say_holders(others: Holders) -> None:
    mark = "✓" if not others.unread else "✗"
    revisions = _counted(len(others.found), "other revision")
    _line(f"  {mark} elsewhere {revisions} with one of these files")
    for holder in others.found[:_MOST]:
        shown = ", ".join(holder.paths[:3]) + (" …" if len(holder.paths) > 3 else "")
        _line(f"      {holder.repo}  {holder.revision}  {shown}")
    if len(others.found) > _MOST:
        _line(f"      and {len(others.found) - _MOST} more, in steps.json")
    for unread in others.unread[:_MOST]:
        _line(f"      could not be read: {unread}")


def _say_json(record: Withdrawal, steps: tuple[Step, ...], others: Holders, folder: str) -> None:
    from hubpolicy.core.withdrawal import steps_bytes
    from hubpolicy.render.escape import in_json

    document = {
        "schema_version": 1,
        "exit_code": int(_exit(steps, others)),
        "repo": record.repo.text,
        "revision": record.revision,
        "oid": record.oid,
        "folder": folder,
        "weights": [weight._asdict() for weight in record.weights],
        "releases": [release._asdict() for release in record.releases],
        **{k: v for k, v in json.loads(steps_bytes(steps, others)).items() if k != "schema"},
    }
    click.echo(in_json(json.dumps(document, indent=2)))
