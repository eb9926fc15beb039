# SPDX-License-Identifier: Apache-2.0
"""Chat prompts through the model's own template, in the sandbox that transformers renders it in.

The environment is that of ``transformers.utils.chat_template_utils``: an immutable sandbox without
the ways out that templates from strangers were seen to take (``dict``'s attributes, underscores on
a namespace), block trimming, loop controls, ``raise_exception``, ``tojson``; a test compares both.
``strftime_now`` answers with one fixed day: a prompt that changes with the calendar would make
every day another run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hubpolicy.errors import MalformedError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubpolicy.domain.evaluation import Request

TODAY = datetime(2026, 1, 1, tzinfo=UTC)


def messages(request: Request) -> list[dict[str, str]]:
    """The conversation: the system prompt where the suite has one, and the prompt."""
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [*system, {"role": "user", "content": request.text}]


def today(layout: str) -> str:
    """What templates get for the current date."""
    return TODAY.strftime(layout)


def template_renderer(source: str, tokens: Mapping[str, str]) -> Callable[[Request], str]:
    """A function from a chat request to the prompt text, generation prompt included.

    ``tokens``: ``bos_token``, ``eos_token`` and the like, as the tokenizer names them.

    Raises:
        MalformedError: the template does not compile; the function: it does not render.
        UnsupportedError: the function, where the model has no template.

    """
    from jinja2 import TemplateError

    from hubpolicy.adapters.generators.jinja_sandbox import environment

    sandbox = environment(today)
    try:
        template = sandbox.from_string(source)
    except TemplateError as error:
        message = f"got {error}, expected a Jinja template, in the model's chat template"
        raise MalformedError(message) from error

    def render(request: Request) -> str:
        if not source:
            message = "the model has no chat template"
            raise UnsupportedError(message)
        try:
            return template.render(
                **{**tokens, "messages": messages(request), "tools": None, "documents": None},
                add_generation_prompt=True,
            )
        except Exception as error:
            message = f"the model's chat template refused the conversation: {error}"
            raise MalformedError(message) from error

    return render
