# SPDX-License-Identifier: Apache-2.0
"""Runs a model folder in onnxruntime-genai's format: in this process, offline, on the CPU.

Batch 1 with a seed per sample: a batch shares one random stream, so that a sample would depend on
its batch-mates; alone it depends on the folder, the prompt and its seed. Not responsible for
hashing the folder, nor for which prompts.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.generators.chat import template_renderer
from hubpolicy.adapters.generators.genai_folder import inspect_genai_folder
from hubpolicy.adapters.quiet_onnxruntime import onnxruntime_genai as og
from hubpolicy.domain.evaluation import Completion, FinishReason, Request
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from hubpolicy.domain.statement import Sampling

# What genai_config.json may set otherwise. Written out, since a value left alone is the author's.
_FIXED = {
    "batch_size": 1,
    "diversity_penalty": 0.0,
    "do_sample": True,
    "early_stopping": True,
    "length_penalty": 1.0,
    "min_length": 0,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
    "num_return_sequences": 1,
    "repetition_penalty": 1.0,
}


class OnnxGenerator:
    """A loaded folder (port ``Generator``), binding level 4."""

    name = "onnx"
    binding_level = 4

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Inspect and load the folder.

        Raises:
            ServiceError: a file cannot be read, or the runtime cannot load it.
            MalformedError: the folder's configuration is invalid or leads out of it.
            UnsupportedError: it asks for what is never run here.

        """
        self._folder = inspect_genai_folder(Path(folder))
        try:
            config = og.Config(str(self._folder.path))
            config.clear_providers()
            self._model: Any = og.Model(config)
            self._tokenizer: Any = og.Tokenizer(self._model)
        except Exception as error:
            message = f"onnxruntime-genai cannot load {self._folder.path}: {error}"
            hint = "export it again for the CPU: python -m onnxruntime_genai.models.builder"
            raise ServiceError(message, hint=hint) from error

        self._render = template_renderer(self._folder.template, dict(self._folder.tokens))

    @property
    def weights(self) -> frozenset[str]:
        """The files with weights that were opened, relative to the folder."""
        return self._folder.weights

    @property
    def runtime(self) -> tuple[tuple[str, str], ...]:
        """Versions of what drew the samples."""
        return tuple((name, version(name)) for name in ("onnxruntime", "onnxruntime-genai"))

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        """One completion after the other; whatever goes wrong is a completion too."""
        for request in requests:
            yield request, self._complete(request, sampling)

    def _complete(self, request: Request, sampling: Sampling) -> Completion:
        said = request.system + request.text
        special = [text for text in self._folder.special if text in said]
        if special:
            # The tokenizer would turn the text into a control token: another prompt than written.
            return _failed(0, f"the prompt contains the control token {special[0]!r}")
        if "\0" in said:
            # The runtime's tokenizer reads up to the first NUL and forgets the rest.
            return _failed(0, "the prompt contains a NUL character")
        try:
            return self._sample(request, sampling)
        except Exception as error:  # noqa: BLE001 - the runtime raises many kinds
            return _failed(0, f"{type(error).__name__}: {error}")

    def _sample(self, request: Request, sampling: Sampling) -> Completion:
        # The runtime adds no control tokens of its own, so a template's are the only ones.
        tokens = self._tokenizer.encode(self._render(request) if request.chat else request.text)
        asked, room = sampling.max_new_tokens, self._folder.context_length - len(tokens)
        if not len(tokens) or room < asked:
            reason = f"got room for {room} new tokens after {len(tokens)}, expected {asked}"
            return _failed(len(tokens), reason)
        warm = float(sampling.temperature)
        options = og.GeneratorParams(self._model)
        options.set_search_options(
            **{**_FIXED, "do_sample": warm > 0},
            temperature=warm or 1.0,
            top_p=float(sampling.top_p),
            top_k=sampling.top_k,
            max_length=len(tokens) + asked,
            random_seed=request.seed,
        )
        generator = og.Generator(self._model, options)
        generator.append_tokens(tokens)
        while not generator.is_done():
            generator.generate_next_token()
        new = [int(token) for token in generator.get_sequence(0)][len(tokens) :]
        ended = bool(new) and new[-1] in self._folder.eos
        text = self._tokenizer.decode(new[:-1] if ended else new)
        # The runtime may leave the end token out of the sequence: fewer than asked is an end too.
        finish: FinishReason = "stop" if ended or len(new) < asked else "length"
        return Completion(text, len(tokens), len(new), finish)


def _failed(prompt_tokens: int, reason: str) -> Completion:
    return Completion("", prompt_tokens, 0, "error", reason)
