# SPDX-License-Identifier: Apache-2.0
"""Speaks to a write gateway of ours: evidence goes ahead of its bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # exported lazily

from hubpolicy import __version__
from hubpolicy.adapters.hub_http import install_session, translated
from hubpolicy.errors import AccessError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId

_REFUSED = 422


class Answered(NamedTuple):
    """What the gateway made of evidence: the verdict, and (rule, message, what to type) of each."""

    verdict: str
    findings: tuple[tuple[str, str, str], ...]


def submit(gateway: str, token: str, repo: RepoId, document: bytes) -> Answered:
    """Send a submission (``core/submission.py``).

    Raises:
        AccessError: the gateway does not know the token, or it is for other repositories.
        ServiceError: there is no such gateway, or it refuses the document.

    """
    install_session()
    url = f"{gateway.rstrip('/')}/.hubpolicy/evidence/{repo.repo_type}s/{repo.text}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
               "User-Agent": f"hubpolicy/{__version__}"}  # fmt: skip
    doing = f"submitting evidence about {repo.text}"
    with translated(doing, secret=token, endpoint=gateway):
        answer = get_session().put(url, content=document, headers=headers)
        said = _json(answer.content)
    if answer.status_code in {401, 403}:
        message = f"{doing}: {said.get('error', 'the gateway does not allow this')}"
        raise AccessError(message, hint="HF_TOKEN is the token that the gateway issued")
    verdict = said.get("verdict")
    if answer.status_code not in {200, _REFUSED} or not isinstance(verdict, str):
        reason = said.get("error") or f"HTTP {answer.status_code}"
        message = f"{doing}: {reason}"
        raise ServiceError(message, hint="is HF_ENDPOINT the gateway's address?")
    return Answered(verdict, tuple(map(_finding, said.get("findings", []))))


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _finding(found: dict[str, str]) -> tuple[str, str, str]:
    return (str(found.get("rule")), str(found.get("message")), str(found.get("fix") or ""))
