# SPDX-License-Identifier: Apache-2.0
"""Options of ``hubpolicy test`` that say how the model is made to speak."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from hubpolicy.adapters.generators import Choice
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.closure import Closure
    from hubpolicy.ports import Generator


def generator_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets them as one ``speak`` of type ``Choice``."""

    @click.option("--generator", metavar="KIND", default="auto", show_default=True,
                  help="auto, onnx, transformers, serve:NAME (a server that hubpolicy starts: "
                       "llama.cpp, transformers, vllm, sglang, or a launch template, FILE.toml) "
                       "or endpoint:URL (OpenAI-compatible).")  # fmt: skip
    @click.option("--responses", type=click.Path(dir_okay=False), default="",
                  help="Completions made elsewhere (JSON Lines).")  # fmt: skip
    @click.option("--endpoint-model", metavar="ID", default="",
                  help="The model to ask the endpoint for, if it has several.")  # fmt: skip
    @click.option("--endpoint-key", metavar="KEY", default="", envvar="HUBPOLICY_ENDPOINT_KEY",
                  help="Key of the endpoint. The Hub's token is never sent.")  # fmt: skip
    @click.option("--base", metavar="DIR", type=click.Path(exists=True, file_okay=False),
                  help="Of an adapter: the folder of the base that its base_config.json pins.",
                  )  # fmt: skip
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        generator: str,
        responses: str,
        endpoint_model: str,
        endpoint_key: str,
        base: str | None,
        **options: Any,
    ) -> None:
        speak = choose(generator, responses, endpoint_model, endpoint_key)
        folder = str(Path(base).resolve()) if base else ""
        command(*args, speak=speak._replace(base=folder), **options)

    return wrapped


def choose(generator: str, responses: str, model: str = "", key: str = "") -> Choice:
    """What the options ask for.

    Raises:
        ConfigError: an unknown generator, or options that do not go together.

    """
    from hubpolicy.adapters.generators import Choice, parse_choice

    choice = parse_choice(generator)
    if responses and choice.kind != "auto":
        message = f"got --generator {generator} and --responses, expected one of them"
        raise ConfigError(message, hint="hubpolicy test --help")
    if model and choice.kind != "endpoint":
        message = f"got --endpoint-model {model} with --generator {generator}"
        raise ConfigError(message, hint="hubpolicy test PATH --generator endpoint:URL")
    if responses:
        return Choice("responses", responses)
    return choice._replace(model=model, key=key)


def furnished(choice: Choice, place: Seat) -> Choice:
    """With what the user's place says: where logs go, and which templates the policy pins."""
    logs = str(Path(place.home.state) / "logs")
    return choice._replace(logs=logs, pinned=place.policy.toxicity.templates)


class Stage:
    """Opens one generator after the other; at most one at a time, and none outlives the block."""

    def __init__(self, root: Path, choice: Choice, place: Seat) -> None:
        """Take the folder, what was asked for, and where logs go."""
        self._root = root
        self._choice = furnished(choice, place)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def open(self, closure: Closure) -> Generator:
        """End the last one, and open this closure's."""
        from hubpolicy.adapters.generators import open_generator

        self._stack.close()
        return self._stack.enter_context(open_generator(self._root, closure, self._choice))
