# SPDX-License-Identifier: Apache-2.0
"""Completions that were made elsewhere, from a JSON Lines file.

Nobody here saw the model: binding level 1 if the file names the closure that it claims to be
from, else 0. A sample that the file does not have is not yielded, and so is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.bounded import read_bounded
from hubpolicy.core.responses import MAX_FILE, Responses, parse_responses
from hubpolicy.core.rules import hp224
from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from hubpolicy.domain.evaluation import Completion, Request
    from hubpolicy.domain.statement import Sampling


class ResponsesGenerator:
    """A parsed file (port ``Generator``)."""

    name = "responses"

    def __init__(self, responses: Responses, closure: str) -> None:
        """Take responses for the closure (hex dirHash) under test.

        Raises:
            VerificationError: the file says that it is from another closure.

        """
        if responses.closure and responses.closure != closure:
            message = f"got responses of closure {responses.closure[:12]}, expected {closure[:12]}"
            raise VerificationError(message, hint="generate again with these files", rule=hp224.ID)
        self._responses = responses

    @property
    def binding_level(self) -> int:
        """1 where the file claims the closure, 0 where it claims nothing."""
        return 1 if self._responses.closure else 0

    @property
    def runtime(self) -> tuple[tuple[str, str], ...]:
        """The file's digest, and what it says made it."""
        maker = self._responses.generator
        digest = ("responses-sha256", self._responses.sha256)
        return (("claimed-generator", maker), digest) if maker else (digest,)

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        """What the file has of the requests; how it was sampled is only claimed."""
        del sampling
        for request in requests:
            found = self._responses.completions.get((request.suite, request.prompt_id, request.i))
            if found is not None:
                yield request, found


def read_responses(path: str | os.PathLike[str]) -> Responses:
    """Read and parse a file.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: it is too large or does not parse; the message has the line number.

    """
    return parse_responses(read_bounded(Path(path), MAX_FILE, str(path)), str(path))
