# SPDX-License-Identifier: Apache-2.0
"""Runs safetensors with transformers (extra ``[local]``): in this process, offline, no remote code.

A sample is a function of the files, the prompt and its seed, whatever else is asked for beside it:
every sample has its own stream of random numbers, and every forward pass has the same shape. A
batch is always ``rows`` prompts of one length, each at a place that follows from its name; places
that nobody asked for are filled. So no sum is rounded in another order because of neighbours, as
padding and ragged batches do. Where rows do meet (mixtures of experts) each runs alone.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters.generators.adapter import inspect_adapter, put_on
from hubpolicy.adapters.generators.adapter_base import (
    base_closure,
    brings_tokenizer,
    is_adapter,
    pinned_base,
)
from hubpolicy.adapters.generators.chat import template_renderer
from hubpolicy.adapters.generators.drawing import draw, stream
from hubpolicy.adapters.generators.offline import offline
from hubpolicy.adapters.generators.staging import staged
from hubpolicy.adapters.generators.transformers_folder import inspect_transformers_folder
from hubpolicy.domain.evaluation import Completion, FinishReason, Request
from hubpolicy.errors import ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hubpolicy.core.closure import Closure
    from hubpolicy.domain.statement import Sampling

ROWS = 8
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


class _Asked(NamedTuple):
    request: Request
    tokens: tuple[int, ...]


class TransformersGenerator:
    """A loaded closure (port ``Generator``), binding level 4."""

    name = "transformers"
    binding_level = 4

    def __init__(
        self, root: Path, closure: Closure, *, rows: int = ROWS, base: Path | None = None
    ) -> None:
        """Inspect the closure of the folder ``root`` and load it; an adapter on its ``base``.

        Raises:
            ServiceError: it does not load, or not exactly the weights that are there.
            MalformedError: its configuration is invalid.
            UnsupportedError: torch or transformers are missing, or it asks for what is never run.
            VerificationError: the base is not the one that the adapter pins.

        """
        self._tokenizer: Any
        self._model: Any
        with offline():
            if is_adapter(closure):
                self._tokenizer, self._model, self._versions = _with_adapter(root, closure, base)
            else:
                self._tokenizer, self._model, self._versions = _plain(root, closure)
        self._torch, _ = _libraries()
        configured = self._model.config.get_text_config()
        self._room = getattr(configured, "max_position_embeddings", None)
        mixed = any((getattr(configured, name, 0) or 0) > 1 for name in _EXPERTS)
        self._rows = 1 if mixed else rows
        self._eos = _end_tokens(self._model, self._tokenizer)
        self._special = tuple(
            sorted(token for token in self._tokenizer.all_special_tokens if token)
        )
        self._render = _renderer(self._tokenizer)
        self._reset_generation_config()

    @property
    def runtime(self) -> tuple[tuple[str, str], ...]:
        """Versions of what drew the samples, and what else the numbers depend on."""
        dtype = str(self._model.dtype).removeprefix("torch.")
        place = self._model.device.type
        return (*self._versions, ("device", f"{place} {dtype}, {self._rows} rows"))

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        """Completions by length of prompt; whatever goes wrong is a completion too."""
        asked: list[_Asked] = []
        for request in requests:
            try:
                tokens = self._encode(request)
            except Exception as error:  # noqa: BLE001 - templates and tokenizers raise anything
                yield request, _failed(0, _reason(error))
                continue
            room = sampling.max_new_tokens if self._room is None else self._room - len(tokens)
            if not tokens or room < sampling.max_new_tokens:
                got = f"got room for {room} new tokens after {len(tokens)}"
                yield request, _failed(len(tokens), f"{got}, expected {sampling.max_new_tokens}")
                continue
            asked.append(_Asked(request, tokens))
        for batch in batches(asked, self._rows):
            yield from self._together(batch, sampling)

    def _encode(self, request: Request) -> tuple[int, ...]:
        special = [t for t in self._special if t in request.text or t in request.system]
        if special:
            # The tokenizer would turn the text into a control token: another prompt than written.
            message = f"the prompt contains the control token {special[0]!r}"
            raise ValueError(message)
        if not request.chat:
            return tuple(self._tokenizer(request.text)["input_ids"])
        text = self._render(request)
        # The template writes its own control tokens; the tokenizer would add them again.
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _together(
        self, batch: Sequence[_Asked | None], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        asked = [one for one in batch if one is not None]
        try:
            answers = self._generate(batch, sampling)
        except Exception as error:  # noqa: BLE001 - models raise anything
            answers = [_failed(len(one.tokens), _reason(error)) for one in asked]
        for one, answer in zip(asked, answers, strict=True):
            yield one.request, answer

    def _generate(self, batch: Sequence[_Asked | None], sampling: Sampling) -> list[Completion]:
        asked = [one for one in batch if one is not None]
        first, length = asked[0], len(asked[0].tokens)
        rows = [one.tokens if one is not None else first.tokens for one in batch]
        ids = self._torch.tensor(rows, device=self._model.device)
        hand = _Hand(batch, sampling, self._eos[0] if self._eos else 0, self._torch)
        with self._torch.inference_mode():
            found = self._model.generate(
                input_ids=ids,
                attention_mask=self._torch.ones_like(ids),
                logits_processor=[hand],
                max_new_tokens=sampling.max_new_tokens,
                do_sample=False,
            )
        new = [row[length:] for row in found.tolist()]
        return [
            _failed(length, hand.broken[at])
            if at in hand.broken
            else self._completion(one, new[at])
            for at, one in enumerate(batch)
            if one is not None
        ]

    def _completion(self, one: _Asked, new: list[int]) -> Completion:
        end = next((at for at, token in enumerate(new) if token in self._eos), None)
        finish: FinishReason = "length" if end is None else "stop"
        text = self._tokenizer.decode(new[:end], skip_special_tokens=True)
        said = len(new) if end is None else end + 1
        return Completion(text, len(one.tokens), said, finish)

    def _reset_generation_config(self) -> None:
        """Drop the settings by which an author changes the draw: penalties, minimal lengths."""
        from transformers import GenerationConfig

        end = list(self._eos) or None
        self._model.generation_config = GenerationConfig(
            eos_token_id=end, pad_token_id=self._eos[0] if self._eos else 0, use_cache=True
        )


class _Hand:
    """A logits processor that draws each row's token itself and leaves only that one possible."""

    def __init__(
        self, batch: Sequence[_Asked | None], sampling: Sampling, end: int, torch: Any
    ) -> None:
        self._streams = [stream(one.request.seed) if one is not None else None for one in batch]
        self._sampling, self._end, self._torch = sampling, end, torch
        self.broken: dict[int, str] = {}

    def __call__(self, _: Any, scores: Any) -> Any:
        rows = scores.float().cpu().numpy()
        drawn: list[int] = []
        for at, numbers in enumerate(self._streams):
            if numbers is None or at in self.broken:
                drawn.append(-1)
                continue
            try:
                drawn.append(draw(rows[at], self._sampling, numbers.random()))
            except ValueError as error:
                self.broken[at] = str(error)
                drawn.append(-1)
        # A place that nobody asked for says what another one says, and ends when it ends.
        filler = next((token for token in drawn if token >= 0), self._end)
        chosen = [[token if token >= 0 else filler] for token in drawn]
        forced = self._torch.full_like(scores, float("-inf"))
        return forced.scatter_(1, self._torch.tensor(chosen, device=scores.device), 0.0)


def batches(asked: Sequence[_Asked], rows: int) -> Iterator[tuple[_Asked | None, ...]]:
    """Requests of one prompt length, each at its own place of ``rows``; None = nobody's place."""
    open_batches: dict[int, list[dict[int, _Asked]]] = {}
    for one in asked:
        key = f"{one.request.suite}\0{one.request.prompt_id}".encode()
        place = (zlib.crc32(key) + one.request.i) % rows
        waiting = open_batches.setdefault(len(one.tokens), [])
        free = next((batch for batch in waiting if place not in batch), None)
        if free is None:
            free = {}
            waiting.append(free)
        free[place] = one
    for waiting in open_batches.values():
        for batch in waiting:
            yield tuple(batch.get(place) for place in range(rows))


Loaded = tuple[Any, Any, tuple[tuple[str, str], ...]]
"""A tokenizer, a model, and the versions of what loaded them."""


def _plain(root: Path, closure: Closure) -> Loaded:
    architectures = inspect_transformers_folder(root, closure)
    with staged(root, closure) as folder:
        _, versions = _libraries()
        return _tokenizer(folder), _model(folder, architectures), versions


def _with_adapter(root: Path, closure: Closure, base: Path | None) -> Loaded:
    inspect_adapter(root, closure)
    under = base_closure(root, closure, base)
    pin = pinned_base(root, closure)
    tokenizer, model, versions = _plain(base or root, under)
    with staged(root, closure) as folder:
        if brings_tokenizer(closure):
            tokenizer = _tokenizer(folder)
        model, more = put_on(model, folder)
    return tokenizer, model, (*versions, *more, ("base", f"{pin.repo}@{pin.revision}"))


def _libraries() -> tuple[Any, tuple[tuple[str, str], ...]]:
    try:
        import torch
        import transformers
    except ImportError as error:
        message = f"got no {error.name}, expected it for running safetensors"
        raise UnsupportedError(message, hint="pip install 'hubpolicy[local]'") from error
    # Nothing but hubpolicy itself talks to the user.
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    versions = (("torch", torch.__version__), ("transformers", transformers.__version__))
    return torch, versions


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        message = f"transformers cannot load the tokenizer: {_reason(error)}"
        raise ServiceError(message, hint="save it beside the model: save_pretrained") from error


def _model(folder: Path, architectures: tuple[str, ...]) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="auto",
            output_loading_info=True,
        )
    except Exception as error:
        message = f"transformers cannot load the model: {_reason(error)}"
        raise ServiceError(message) from error
    _refuse_differences(report, type(model).__name__)
    if architectures != (type(model).__name__,):
        message = f"got {type(model).__name__}, expected {list(architectures)} of config.json"
        raise UnsupportedError(message, hint="a causal language model that transformers knows")
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _refuse_differences(report: dict[str, Any], kind: str) -> None:
    """Weights that lack are random; weights that are left over were not tested."""
    lacking, over = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    other = sorted(map(str, report["mismatched_keys"]))
    if lacking or over or other:
        got = f"missing {lacking[:3]}, left over {over[:3]}, of other sizes {other[:3]}"
        message = f"got {got}, expected exactly the weights of {kind}"
        raise ServiceError(message, hint="save the model again with save_pretrained")


def _renderer(tokenizer: Any) -> Callable[[Request], str]:
    """Not ``apply_chat_template``: it would tell the template today's date."""
    if not tokenizer.chat_template:
        return template_renderer("", {})
    named = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return template_renderer(tokenizer.get_chat_template(), named)


def _end_tokens(model: Any, tokenizer: Any) -> tuple[int, ...]:
    found: list[int] = []
    named = (model.generation_config, model.config.get_text_config(), tokenizer)
    for value in (getattr(one, "eos_token_id", None) for one in named):
        found += value if isinstance(value, list) else [value] if value is not None else []
    return tuple(dict.fromkeys(found))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:500]}"


def _failed(prompt_tokens: int, reason: str) -> Completion:
    return Completion("", prompt_tokens, 0, "error", reason)
