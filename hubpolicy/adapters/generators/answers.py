# SPDX-License-Identifier: Apache-2.0
"""What an OpenAI-compatible server is asked, and what it answered: bodies in, completions out.

Pure. An answer that leaves a doubt (another model, two choices, more tokens than asked for, cut by
a filter) is an error, never a text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters.generators.chat import messages
from hubpolicy.domain.evaluation import Completion, FinishReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.domain.evaluation import Request
    from hubpolicy.domain.statement import Sampling

_FINISHES: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_PARTS = ("reasoning_content", "reasoning", "content")
SHOWN = 200
_BY = "answered by model "


class Served(NamedTuple):
    """The model's id as it is asked for and as answers name it; further fields of every request."""

    model: str
    answers_as: str
    extra: Mapping[str, Any]


def question(request: Request, sampling: Sampling, served: Served) -> dict[str, Any]:
    """The body of one request: one prompt, one choice, its own seed."""
    body: dict[str, Any] = {
        "model": served.model,
        "max_tokens": sampling.max_new_tokens,
        "temperature": float(sampling.temperature),
        "top_p": float(sampling.top_p),
        "seed": request.seed,
    }
    if sampling.top_k:
        body["top_k"] = sampling.top_k
    if request.chat:
        body["messages"] = messages(request)
    else:
        body["prompt"] = request.text
    return {**body, **served.extra}


def read_answer(content: bytes, request: Request, sampling: Sampling, served: Served) -> Completion:
    """The completion that an answer (status 200) holds; with ``finish`` error if it holds none."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return failed(f"got {content[:SHOWN]!r}, expected JSON")
    if not isinstance(answer, dict):
        return failed(f"got {type(answer).__name__}, expected an object")
    if answer.get("model") != served.answers_as:
        return failed(f"{_BY}{str(answer.get('model'))[:SHOWN]!r}")
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return failed("got no choice or several, expected one")
    text = _said(choices[0]) if request.chat else choices[0].get("text")
    finish = _FINISHES.get(str(choices[0].get("finish_reason")))
    if not isinstance(text, str) or finish is None:
        reason = str(choices[0].get("finish_reason"))[:SHOWN]
        return failed(f"got {type(text).__name__} that ended by {reason!r}, expected a text")
    if not _encodes(text):
        return failed("got half of a surrogate pair, expected Unicode")
    usage = answer.get("usage")
    prompt, new = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if new > sampling.max_new_tokens:
        return failed(f"got {new} new tokens, expected at most {sampling.max_new_tokens}")
    if finish == "length" and 0 < new < sampling.max_new_tokens:
        # Servers cut what does not fit into the context, and call that "length" as well.
        return failed(f"cut off after {new} of {sampling.max_new_tokens} tokens: no room for more")
    return Completion(text, prompt, new, finish)


def failed(reason: str) -> Completion:
    """A request without a usable answer."""
    return Completion("", 0, 0, "error", reason)


def by_another(completion: Completion) -> bool:
    """Whether what answered said itself that it is another model."""
    return completion.finish == "error" and completion.error.startswith(_BY)


def _said(choice: Mapping[str, Any]) -> object:
    """All that a chat model wrote: what it calls thinking is shown to people, too."""
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    parts = [message[name] for name in _PARTS if message.get(name) is not None]
    if not all(isinstance(part, str) for part in parts):
        return None
    # Some servers give the same thoughts under both names.
    return "\n".join(dict.fromkeys(parts))


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and value >= 0 else 0


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
