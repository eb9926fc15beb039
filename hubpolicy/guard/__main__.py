# SPDX-License-Identifier: Apache-2.0
"""The judge that the upload guard asks: ``python -I -m hubpolicy.guard``.

Reads questions from standard input (one line of JSON that ends with ``length``, then that many
bytes of a request's body), answers each with one line of JSON that repeats the question's
``nonce``. Whatever goes wrong is a no.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from hubpolicy import __version__
from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from typing import BinaryIO

PING = "PING"


def main() -> None:
    """Answer until nobody can ask any more. Only answers go to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process has it, and ends
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Until ``questions`` ends."""
    while line := questions.readline():
        question = json.loads(line)
        body = questions.read(int(question["length"]))
        answered = {**answer(question, body), "nonce": question.get("nonce")}
        answers.write(json.dumps(answered).encode() + b"\n")
        answers.flush()


def answer(question: dict[str, Any], body: bytes) -> dict[str, Any]:
    """``allowed``, and where it is false ``message`` and ``hint``."""
    if question["method"] == PING:
        return {"allowed": False, "version": __version__}
    from hubpolicy.guard.judging import permission

    try:
        return permission(question, body)
    except HubpolicyError as error:
        return {"allowed": False, "message": f"{_unjudged(question)}: {error.message}",
                "hint": error.hint}  # fmt: skip
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a no
        message = f"{_unjudged(question)}: internal error: {error!r:.200}"
        return {"allowed": False, "message": message, "hint": "hubpolicy doctor"}


def _unjudged(question: dict[str, Any]) -> str:
    return f"{question['method']} {str(question['url'])[:300]} is not sent, nobody can judge it"


if __name__ == "__main__":
    main()
