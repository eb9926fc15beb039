# SPDX-License-Identifier: Apache-2.0
"""Models under test (plug-point Generator): a closed table of ways to make one speak.

``onnx`` and ``transformers`` load the files here, ``serve`` starts a server on them, ``endpoint``
asks one that somebody else runs, ``responses`` reads what was answered elsewhere. Each says how
tight its tie to the bytes is (``binding_level``); :mod:`hubpolicy.core.rules.hp205` judges that.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from hubpolicy.core.closure import Closure
    from hubpolicy.ports import Generator

KINDS = ("auto", "onnx", "transformers", "serve", "endpoint", "responses")


class Choice(NamedTuple):
    """How a closure shall be made to speak.

    ``target``: the server's name or launch template (``serve``), the URL (``endpoint``) or the
    file (``responses``). ``model``: the id to ask an endpoint for; ``key``: its key, never the
    Hub's. ``pinned``: sha256 of launch templates that the policy allows beside the shipped ones;
    ``logs``: where servers write what they say. ``base``: the folder of an adapter's base.
    """

    kind: str = "auto"
    target: str = ""
    model: str = ""
    key: str = ""
    pinned: frozenset[str] = frozenset()
    logs: str = ""
    base: str = ""


AUTO = Choice()


def parse_choice(text: str) -> Choice:
    """``auto``, ``onnx``, ``transformers``, ``serve:NAME`` or ``endpoint:URL``.

    Raises:
        ConfigError: anything else.

    """
    kind, colon, target = text.partition(":")
    takes_target = kind in {"serve", "endpoint"}
    if kind not in KINDS[:-1] or takes_target is not bool(target) or (colon and not target):
        known = "auto, onnx, transformers, serve:NAME or endpoint:URL"
        message = f"got generator {text!r}, expected {known}"
        raise ConfigError(message, hint="hubpolicy test --help")
    return Choice(kind, target)


@contextmanager
def open_generator(
    root: str | os.PathLike[str], closure: Closure, choice: Choice = AUTO
) -> Iterator[Generator]:
    """A closure of the folder ``root``, ready to speak until the end of the block.

    Raises:
        UnsupportedError: nothing here runs that kind, or what runs it is not installed.
        ServiceError, MalformedError: it does not load.
        ConfigError: the launch template, URL or key cannot be used.
        VerificationError: the responses are from other files.

    """
    folder, kind = Path(root), _resolve(closure, choice)
    if kind == "onnx":
        yield _onnx(folder, closure)
    elif kind == "transformers":
        from hubpolicy.adapters.generators.transformers import TransformersGenerator

        base = Path(choice.base) if choice.base else None
        yield TransformersGenerator(folder, closure, base=base)
    elif kind == "serve":
        from hubpolicy.adapters.generators.serve import served

        with served(folder, closure, choice) as generator:
            yield generator
    elif kind == "endpoint":
        from hubpolicy.adapters.generators.endpoint import EndpointGenerator

        yield EndpointGenerator(choice.target, model=choice.model, key=choice.key)
    else:
        from hubpolicy.adapters.generators.responses import ResponsesGenerator, read_responses

        yield ResponsesGenerator(read_responses(choice.target), closure.digest)


def _resolve(closure: Closure, choice: Choice) -> str:
    if choice.kind != "auto":
        return choice.kind
    if closure.kind == "onnx-genai":
        return "onnx"
    if closure.kind == "safetensors":
        return "transformers"
    if closure.kind == "gguf":
        return "serve"
    message = f"got {closure.main} ({closure.kind}), which nothing here can generate with"
    hint = "save it as safetensors, or: hubpolicy test PATH --responses FILE"
    raise UnsupportedError(message, hint=hint)


def _onnx(root: Path, closure: Closure) -> Generator:
    from hubpolicy.adapters.generators.onnx import OnnxGenerator
    from hubpolicy.adapters.loaders import refuse_unopened

    if closure.kind != "onnx-genai":
        message = f"got {closure.main} ({closure.kind}), expected a folder of onnxruntime-genai"
        hint = "export it: python -m onnxruntime_genai.models.builder"
        raise UnsupportedError(message, hint=hint)
    generator = OnnxGenerator((root / closure.main).parent)
    above = closure.main.rpartition("/")[0]
    refuse_unopened(closure, (f"{above}/{p}" if above else p for p in generator.weights))
    return generator
