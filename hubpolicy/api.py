# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy.verify``: the verdict about a release, for programs (docs/api.md).

Stable: the names that the package exports, their arguments, and the fields of what they return.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.verification import Verification
from hubpolicy.errors import ConfigError
from hubpolicy.opening import (
    Quiet,
    Wanted,
    endpoint,
    gather,
    is_folder,
    namespaces_of,
    repo_id,
    require_may_speak,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.reserved import Documents
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.flows.pinning import Followed
    from hubpolicy.flows.verifying import Law

__all__ = ["TrustPin", "Verification", "verify"]

USER = "user"
_HINT = 'trust="user", a gate.json, or hubpolicy.TrustPin(source, sha256)'


class TrustPin(NamedTuple):
    """A team's trust folder, and the hex digest of a root of its, told by somebody you know.

    ``source``: a path, ``https://HOST/PATH``, or ``hf://datasets/ORG/NAME[@REVISION]``.
    ``sha256``: of the root's signed payload, as ``hubpolicy trust show`` prints it.
    """

    source: str
    sha256: str


def verify(
    path_or_repo: str | os.PathLike[str],
    *,
    trust: str | os.PathLike[str] | TrustPin = USER,
    policy: str | os.PathLike[str] | None = None,
    repo: str = "",
    revision: str = "",
    evidence: str | os.PathLike[str] | None = None,
    partial: bool = False,
    offline: bool = False,
    deep: bool = False,
    as_released: bool = False,
) -> Verification:
    """Recompute the verdict about a release from its signed evidence. Writes and prints nothing.

    ``path_or_repo``: a folder; a snapshot in the Hub cache, whose path says what it is of; or
    ``namespace/name[@revision]`` on the hub in ``HF_ENDPOINT``, compared by what that lists.
    ``trust``: who is believed: ``"user"`` for what ``hubpolicy init`` or ``trust pin`` set up, the
    path of a ``gate.json``, or a :class:`TrustPin`, which is followed anew at every call.
    ``policy``: a ``hubpolicy.toml`` of your own, which can only tighten.
    ``repo``: for which repository a folder must be attested; without it none is compared.
    ``revision``: of the git repository at the folder, whose committed bytes are judged; or on the
    hub. ``evidence``: where it is kept apart: a folder, or a file with one bundle per line.
    ``partial``: the folder holds only some files of the release (a snapshot may always).
    ``offline``: ask no hub; ``namespace/name`` then means its snapshot in the cache.
    ``deep``: on a hub, read small files too and compare them by sha256 in place of git's SHA-1.
    ``as_released``: judge as of then: under the release's own policy, with today's revocations.

    Raises:
        ConfigError: there is no trust, it has expired or is malformed, or the arguments are.
        VerificationError: a trust document does not hold, or the policy of then is not there.
            (Evidence that does not hold is a finding.)
        MalformedError: the file given as ``evidence`` is none.
        ServiceError: disk, git or hub failed. AccessError, which is one: login or permission.
        UnsupportedError: something that is asked for needs an extra that is not installed.

    All are :class:`hubpolicy.errors.HubpolicyError`. Every one of them means: not verified.
    """
    wanted = Wanted(
        _target(os.fspath(path_or_repo), revision),
        _repo(repo),
        revision if is_folder(os.fspath(path_or_repo)) else "",
        "" if evidence is None else os.fspath(evidence),
        partial,
        offline,
        deep,
    )
    return _answer(wanted, trust, policy, as_released=as_released)


def _answer(
    wanted: Wanted,
    trust: str | os.PathLike[str] | TrustPin,
    policy: str | os.PathLike[str] | None,
    *,
    as_released: bool,
) -> Verification:
    from hubpolicy.core.judge import judge
    from hubpolicy.flows.verifying import as_released as of_then
    from hubpolicy.flows.verifying import verification_of

    law, documents = _law(trust)
    stricter = law if policy is None else _stricter(law, os.fspath(policy))
    gathered = gather(wanted, stricter, Quiet())
    require_may_speak(law, namespaces_of(gathered.evidence), documents)
    if not as_released:
        return verification_of(gathered, judge(gathered.evidence))
    if policy is not None:
        message = "got policy= and as_released=, expected one: the policy is that of then"
        raise ConfigError(message, hint="leave one of them out")
    then = of_then(gathered, law)
    today = judge(gathered.evidence).findings
    return verification_of(then, judge(then.evidence))._replace(today=today)


def _target(target: str, revision: str) -> str:
    if not revision or is_folder(target):
        return target
    if "@" in target:
        message = f"got revision {revision!r} and {target!r}, expected one revision"
        raise ConfigError(message, hint="leave revision= out")
    return f"{target}@{revision}"


def _repo(text: str) -> RepoId | None:
    from hubpolicy.errors import MalformedError

    if not text:
        return None
    try:
        return repo_id(text)
    except MalformedError as error:
        raise ConfigError(error.message, hint='repo="namespace/name"') from error


def _law(
    trust: str | os.PathLike[str] | TrustPin,
) -> tuple[Law, Callable[[], Documents | None]]:
    """Policy and trust, whose signatures were verified when they were compiled, or are now.

    With them the documents behind them; of a ``gate.json`` somewhere there are none.
    """
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.trusted import with_witness
    from hubpolicy.flows.verifying import Law

    now = SystemClock().now()
    if isinstance(trust, TrustPin):
        followed = _followed(trust, now)
        law = Law(followed.policy, with_witness(followed.trust), now)
        return law, lambda: followed.documents
    if trust == USER:
        from hubpolicy.adapters.home import user_home
        from hubpolicy.adapters.trusted import open_trusted, read_documents

        found = open_trusted(user_home())
        return Law(found.policy, found.trust, now), lambda: read_documents(user_home())
    return Law(*_gate(os.fspath(trust)), now), lambda: None


def _stricter(law: Law, path: str) -> Law:
    """The law with a child policy; one in the release is compared with the governing one too."""
    from hubpolicy.adapters.children import from_file, tightened
    from hubpolicy.core.policy_child import ChildFile
    from hubpolicy.domain.policy import CHILD_FILE

    children = from_file(path)
    return law._replace(
        policy=tightened(law.policy, children),
        under=lambda content: tightened(law.policy, (*children, ChildFile(CHILD_FILE, content))),
    )


def _followed(pinned: TrustPin, now: str) -> Followed:
    from hubpolicy.adapters.home import user_home
    from hubpolicy.adapters.login import login_token
    from hubpolicy.adapters.trust_memory import read_memory
    from hubpolicy.adapters.trust_source import open_source, source_name
    from hubpolicy.flows.pinning import pin

    name = source_name(pinned.source)
    source = open_source(name, endpoint=endpoint(), token=login_token())
    return pin(source, pinned.sha256, read_memory(user_home()), now)


def _gate(path: str) -> tuple[Policy, Trust]:
    from hubpolicy.adapters.home import read_config
    from hubpolicy.adapters.trusted import with_witness
    from hubpolicy.core.gatefile import load_gate

    if not path or Path(path).is_dir():
        message = f"got trust={path!r}, expected a file: a folder needs the digest of its root"
        raise ConfigError(message, hint=_HINT)
    policy, trust, _ = load_gate(read_config(path))
    return policy, with_witness(trust)
