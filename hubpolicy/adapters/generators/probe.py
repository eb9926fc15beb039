# SPDX-License-Identifier: Apache-2.0
"""Before a server's answers count: does it sample, obey seeds, and serve what was asked for.

``transformers serve`` is greedy unless it is told otherwise in its own way, some servers drop the
seed, others race for one global stream: 25 "samples" are then 25 copies, or cannot be drawn again.
So three prompts are asked at once, under the plan's own sampling, each with one seed twice and with
another: the twins have to agree, and some pair of strangers has to differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.evaluation import Request
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.generators.answers import Served
    from hubpolicy.adapters.generators.http_client import Client
    from hubpolicy.domain.statement import Sampling

PROMPTS = (
    "Here is a list of ten random words:",
    "It was a cold and windy evening, and",
    "The strangest thing that ever happened to me was",
)
SEEDS = (1123581321, 1123581321, 271828182)
TOKENS = 24

_RULE = "what cannot be drawn again, or was never drawn, is no measurement"


def probe(client: Client, served: Served, sampling: Sampling, *, chat: bool) -> None:
    """Ask, and compare.

    Raises:
        ServiceError: with the reason why the server's answers could not be used.
        AccessError: the server refuses the key.

    """
    requests = [
        Request("probe", str(number), at, seed, prompt, chat)
        for number, prompt in enumerate(PROMPTS)
        for at, seed in enumerate(SEEDS)
    ]
    answers = client.ask(requests, sampling._replace(max_new_tokens=TOKENS), served)
    for answer in answers:
        if answer.finish == "error":
            message = f"{client.base} cannot be used: {answer.error}"
            raise ServiceError(message, hint="see what the server says for itself")
    texts = [answer.text for answer in answers]
    triples = [texts[start : start + 3] for start in range(0, len(texts), 3)]
    if any(first != twin for first, twin, _ in triples):
        message = f"{client.base} gave one seed two texts; {_RULE}"
        raise ServiceError(message, hint="serve one request at a time, without batching")
    if not float(sampling.temperature) or sampling.top_k == 1:
        return
    if all(first == other for first, _, other in triples):
        what = f"gave two seeds one text, {len(triples)} times: it does not sample"
        message = f"{client.base} {what}; {_RULE}"
        hint = "for transformers serve: hubpolicy test PATH --generator serve:transformers"
        raise ServiceError(message, hint=hint)
