# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust sign``: read what is pending, add one's signature, publish what is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import TRUST_KEY_HELP
from hubpolicy.errors import AccessError

if TYPE_CHECKING:
    from hubpolicy.cli.trust_place import Place
    from hubpolicy.core.pending import Pending
    from hubpolicy.core.trust_folder import TrustFolder
    from hubpolicy.ports import Signer


@click.command(
    epilog="""\b
Examples:
  cd trust && git pull && hubpolicy trust sign . && git add -A && git commit -m Sign && git push
  hubpolicy trust sign trust --key awskms:arn:aws:kms:...
  hubpolicy trust sign trust --from ../bobs-clone/trust     both signed: put it together
\b
Exit codes: 0 all of it is published, 1 a document does not hold or does not follow, 2 usage or an
expired document, 4 no key at hand that may sign, 5 others must sign, too.
"""
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=TRUST_KEY_HELP)
@click.option("--from", "other", type=click.Path(exists=True, file_okay=False), metavar="DIR",
              help="Take signatures of the same documents from another copy, too.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask. You have read what is pending.")
def sign(folder: str, key: str, other: str | None, *, yes: bool) -> None:
    """Show what is pending in DIR, ask, sign; publish what enough people have signed."""
    from hubpolicy.adapters.home import user_home
    from hubpolicy.cli.trust_place import open_place, say, settle, write
    from hubpolicy.cli.wiring import signer
    from hubpolicy.core.succession import check_follows
    from hubpolicy.core.trust_folder import counts
    from hubpolicy.flows.trusting import merged

    place = open_place(folder)
    if not place.folder.pending:
        write(place, place.folder)
        say("nothing is pending")
        return
    for pending in place.folder.pending:
        check_follows(place.folder, place.standing, pending, place.now)
        counts(place.folder, place.standing, pending)
    mine = signer(user_home(), key)
    _require_known(place, mine.keyid)
    after = place.folder
    if other is not None:
        after = merged(after, open_place(other).folder)
    for pending in place.folder.pending:
        _show(place, pending)
        after = _signed(place, after, pending, mine, ask=not yes)
    settle(place, after)


def _signed(
    place: Place, folder: TrustFolder, pending: Pending, mine: Signer, *, ask: bool
) -> TrustFolder:
    from hubpolicy.cli.trust_place import say
    from hubpolicy.flows.trusting import add_signature, duty_of
    from hubpolicy.render.escape import terminal

    duty = duty_of(folder, place.standing, pending, mine.keyid)
    if not duty.may:
        say(f"  not signed by you: {duty.reason}")
        return folder
    what = terminal(f"sign {pending.kind} {pending.version} as {duty.principal}?")
    if ask and not click.confirm(what, default=False, err=True):
        say("  not signed")
        return folder
    say(f"  signed as {duty.principal}")
    return add_signature(folder, mine, pending.kind)


def _require_known(place: Place, keyid: str) -> None:
    """A key that no root knows is the wrong key, and not a reason to wait for others."""
    from hubpolicy.core.trust_folder import next_roots

    roots = next_roots(place.folder, place.standing)
    if not any(root.key(keyid) for root in roots):
        message = f"got key {keyid}, which no root of {place.path} knows"
        raise AccessError(
            message, hint="hubpolicy trust show DIR lists the keys; choose with --key"
        )


def _show(place: Place, pending: Pending) -> None:
    from hubpolicy import __version__
    from hubpolicy.cli.trust_place import say
    from hubpolicy.core.documents import parse_root, parse_state
    from hubpolicy.core.state_terms import is_outdated
    from hubpolicy.core.trust_change import changes_of, weaker

    say(f"{pending.kind} {pending.version}  {pending.path}  sha256 {pending.sha256}")
    for line in changes_of(place.standing, pending):
        say(f"    {line}")
    if pending.kind == "root":
        for line in weaker(place.standing, parse_root(pending.envelope.payload)):
            say(f"  ! {line}")
    if pending.kind == "state" and is_outdated(parse_state(pending.envelope.payload)):
        say(f"  ! hubpolicy {__version__}, which you have, would judge no more; it never goes back")
