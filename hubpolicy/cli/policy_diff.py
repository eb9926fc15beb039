# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy policy diff``: what another policy changes, and what releases need then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.core.policy_diff import WORDS
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.policy_diff import Consequence
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import OlderPolicy
    from hubpolicy.flows.comparing import Compared

CURRENT = "current"
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_MARKS = {"tightened": "+", "loosened": "-", "changed": "~"}


@click.command(
    epilog="""\b
Examples:
  hubpolicy policy diff current new.toml
  hubpolicy policy diff current ~/.config/hubpolicy/hubpolicy.toml    before `policy sign`
  hubpolicy policy diff current new.toml --org acme                  repository by repository
  hubpolicy policy diff .hubpolicy/policy/1f0c….json current
\b
OLD and NEW: `current`, a hubpolicy.toml, a signed policy (.json), or the digest of one that stands
in .hubpolicy/policy of this folder.
Exit codes: 0 compared, 2 usage or policy, 3 a repository could not be read, 4 permission.
"""
)
@click.argument("old")
@click.argument("new")
@click.option("--org", default="", metavar="NAMESPACE",
              help="Judge the tips of all its models on the hub under NEW.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Format on standard output.")  # fmt: skip
def diff(old: str, new: str, org: str, format_: str) -> None:
    """Say what changes from OLD to NEW, what is tightened, and what releases need then."""
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.wiring import seat
    from hubpolicy.core.policy_diff import diff as diff_policies

    place = seat(edited=not org)  # to compare before signing; what is judged is judged as signed
    policies = _load(old, place), _load(new, place)
    found = diff_policies(*policies)
    repos = _compared(org, *policies, place) if org else None
    older = _counting(place)
    show = _as_json if format_ == "json" else _as_text
    click.echo(show(*policies, found, repos, older))
    if any(repo.standing is None for repo in repos or ()):
        raise click.exceptions.Exit(int(Exit.NOT_EVALUATED))


def _counting(place: Seat) -> tuple[OlderPolicy, ...]:
    """Those under which a release line counts still, by the state in force."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.core.state_terms import counts

    now = SystemClock().now()
    older = place.trusted.trust.state.older_policies
    return tuple(each for each in older if counts(each, now))


def _load(name: str, place: Seat) -> Policy:
    """A policy by one of its names.

    Raises:
        ConfigError: there is none, it is malformed, or its signature does not hold.
        ServiceError: it cannot be read.

    """
    if name == CURRENT:
        return place.governing
    digest = _DIGEST.fullmatch(name)
    if digest is not None and digest[1] == place.governing.sha256:
        return place.governing
    path = Path(f".hubpolicy/policy/{digest[1]}.json" if digest is not None else name)
    if not path.is_file():
        message = f"got {name!r}, expected `current`, a policy file, or a digest that stands here"
        raise ConfigError(message, hint="hubpolicy policy diff --help")
    if path.suffix == ".json":
        return _signed(path, place)
    return _from_file(path)


def _from_file(path: Path) -> Policy:
    from hubpolicy.adapters.home import read_config
    from hubpolicy.cli.policy import resolve_file
    from hubpolicy.core.policy import parse_policy

    return parse_policy(resolve_file(read_config(str(path)), str(path)), where=str(path))


def _signed(path: Path, place: Seat) -> Policy:
    import hashlib

    from hubpolicy.adapters.home import read_config
    from hubpolicy.core.documents import POLICY_TYPE, open_document, verify_policy
    from hubpolicy.core.policy import parse_policy
    from hubpolicy.errors import MalformedError, VerificationError

    raw, where = read_config(str(path)), str(path)
    try:
        sha256 = hashlib.sha256(open_document(raw, POLICY_TYPE, where=where).payload).hexdigest()
        payload = verify_policy(raw, place.trusted.trust, sha256=sha256, where=where)
    except (MalformedError, VerificationError) as error:
        message = f"{error.message}: no policy that your trust root knows, in {where}"
        raise ConfigError(message, hint="hubpolicy trust show lists who may sign one") from error
    return parse_policy(payload, where=where)


def _compared(org: str, old: Policy, new: Policy, place: Seat) -> tuple[Compared, ...]:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.hub_index import HubIndex
    from hubpolicy.adapters.login import login_token
    from hubpolicy.cli.options import endpoint
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import hub
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.assemble import assemble_listing
    from hubpolicy.flows.comparing import Change, compare

    client = hub(RepoId(org, "any", endpoint=endpoint()))
    repos = client.models(org, endpoint())
    if not repos:
        message = f"got no models in {org!r}, expected a namespace that this login can read"
        raise ServiceError(message, hint="hf auth login; HF_ENDPOINT names another hub")
    now = SystemClock().now()
    # What releases would need is asked before it is enforced, so observing judges like enforcing.
    new = new._replace(mode="enforce", observe_until="")
    change = Change(old, new, place.trusted.trust, now, assemble_listing)
    lacking = HubIndex(endpoint(), login_token()).missing(org)
    unseen = () if lacking is None else (_unseen(org, lacking.message),)
    with Bars(shown=False) as bars:
        return (*compare(repos, client, change, bars), *unseen)


def _unseen(org: str, why: str) -> Compared:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.comparing import Compared

    return Compared(RepoId(org, "*"), "", None, f"{why} (hf auth login, or HF_TOKEN)")


def _as_text(
    old: Policy, new: Policy, found: tuple[Consequence, ...], repos: tuple[Compared, ...] | None,
    older: tuple[OlderPolicy, ...],
) -> str:  # fmt: skip
    from hubpolicy.core.policy_diff import needs
    from hubpolicy.render.escape import terminal

    lines = [f"{_title(old)} -> {_title(new)}"]
    width = max((len(one.key) for one in found), default=0)
    lines += [
        f"{_MARKS[one.direction]} {one.direction:<9}  {one.key:<{width}}  {one.old} -> {one.new}"
        for one in found
    ]
    if not found:
        lines.append("nothing is asked differently")
    if old.sha256 == new.sha256:
        lines.append("the same signed policy: releases stay valid")
    else:
        lines.append("releases made before need, under the new policy:")
        lines += [f"  {need:<9}  {WORDS[need]}" for need in needs(found) or ("signature",)]
    lines += _older_lines(older, old, new)
    for repo in repos or ():
        lines += _repo_lines(repo)
    if repos is not None:
        lines.append(_tally(repos))
    return "\n".join(terminal(line) for line in lines)


def _older_lines(older: tuple[OlderPolicy, ...], old: Policy, new: Policy) -> list[str]:
    """Under which policies a release line counts, whatever is in force."""
    if not older:
        return []
    sides = {new.sha256: "  (NEW)", old.sha256: "  (OLD)"}
    return [
        "older policies whose release lines count still, so that these take no new signature:",
        *(
            f"  version {each.version} ({each.sha256[:12]}) until {each.until}"
            f"{sides.get(each.sha256, '')}"
            for each in older
        ),
    ]


def _title(policy: Policy) -> str:
    return f"{policy.id} version {policy.version} ({policy.sha256[:12]})"


def _repo_lines(repo: Compared) -> list[str]:
    if repo.standing is None:
        return [f"  {repo.repo.text}  UNREADABLE  {repo.reason}"]
    standing = repo.standing
    needed = ", ".join((*standing.needs, *standing.others)) or "nothing: it stays valid"
    before = "" if standing.held else "  (it does not pass the old policy either)"
    lines = [f"  {repo.repo.text}  {repo.oid[:12]}  needs {needed}{before}"]
    return [*lines, *(f"      {f.rule} {f.message}" for f in standing.findings)]


def _tally(repos: tuple[Compared, ...]) -> str:
    counts: dict[str, int] = {}
    for repo in repos:
        word = "unreadable" if repo.standing is None else repo.standing.verdict
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))


def _as_json(
    old: Policy, new: Policy, found: tuple[Consequence, ...], repos: tuple[Compared, ...] | None,
    older: tuple[OlderPolicy, ...],
) -> str:  # fmt: skip
    from hubpolicy.core.policy_diff import needs
    from hubpolicy.render.escape import in_json

    changed = old.sha256 != new.sha256
    document: dict[str, Any] = {
        "schema_version": 1,
        "old": _named(old),
        "new": _named(new),
        "changes": [one._asdict() for one in found],
        "needs": list(needs(found) or (("signature",) if changed else ())),
        "older": [each._asdict() for each in older],
    }
    if repos is not None:
        document["repos"] = [_repo_document(repo) for repo in repos]
    return in_json(json.dumps(document, indent=2, ensure_ascii=True))


def _named(policy: Policy) -> dict[str, Any]:
    return {"id": policy.id, "version": policy.version, "sha256": policy.sha256}


def _repo_document(repo: Compared) -> dict[str, Any]:
    standing = repo.standing
    return {
        "repo": repo.repo.text,
        "oid": repo.oid,
        "verdict": "unreadable" if standing is None else standing.verdict,
        "held": None if standing is None else standing.held,
        "needs": [] if standing is None else list(standing.needs),
        "rules": [] if standing is None else sorted({f.rule for f in standing.findings}),
        "reason": repo.reason,
    }
