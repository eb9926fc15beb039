# SPDX-License-Identifier: Apache-2.0
"""Runs a scorer bundle on ONNX Runtime and ``tokenizers`` alone.

Each text is scored alone at its exact length: dynamic int8 takes one activation scale per tensor,
so batch-mates would change a text's score (and on CPU alone is fastest). Long texts are read in
overlapping windows, the maximum counts. Not responsible for which texts, nor for what a score
means to the policy.
"""

from __future__ import annotations

import math
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tokenizers

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.adapters.scorers.bundle import MODEL, TOKENIZER, BundleFiles, make_pin, read_bundle
from hubpolicy.adapters.scorers.description import Description, parse_description
from hubpolicy.core.onnx_format import parse_references
from hubpolicy.core.records import format_probability, is_toxic
from hubpolicy.domain.evaluation import Score
from hubpolicy.errors import MalformedError, ServiceError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hubpolicy.domain.statement import ScorerPin

UNSCORED = Score((), 0, toxic=False)
"""No labels: the text has no score, which is not the score 0."""

# Operators that ONNX Runtime brings itself; all others would need foreign code in this process.
_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"}
)
_CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")

Tokens = tuple[int, ...]


class BundleScorer:
    """A loaded bundle (port ``Scorer``). Deterministic; the order of texts does not matter."""

    def __init__(self, files: BundleFiles, *, expected: str = "", workers: int = 0) -> None:
        """Load the bundle from memory.

        Args:
            files: what :func:`read_bundle` gave.
            expected: hex dirHash that the bundle must have; "" = not pinned.
            workers: threads on the one shared session; 0 = one per core at hand.

        Raises:
            VerificationError: the digest is another one than expected.
            MalformedError: description, tokenizer or graph are not what a scorer needs.

        """
        if expected and files.sha256 != expected:
            message = f"got scorer bundle {files.sha256[:12]}, expected {expected[:12]}"
            raise VerificationError(message, hint="install the pinned scorer again")
        self._description = parse_description(files.description)
        self._pin = make_pin(files, self._description)
        self._tokenizer = _load_tokenizer(files.tokenizer)
        self._session = _load_session(files.model)
        self._dtype = _input_type(self._session, self._description)
        self._workers = workers or len(os.sched_getaffinity(0))

    @property
    def pin(self) -> ScorerPin:
        """Identity and digest."""
        return self._pin

    @property
    def thresholds(self) -> tuple[tuple[str, str], ...]:
        """(label, decimal string) pairs; at or above one of them a text is toxic."""
        return self._description.thresholds

    @property
    def runtime(self) -> tuple[tuple[str, str], ...]:
        """Versions and CPU features: int8 scores may differ on a CPU without VNNI."""
        return (
            ("cpu", _cpu()),
            ("onnxruntime", onnxruntime.__version__),
            ("tokenizers", tokenizers.__version__),
        )

    def score(self, texts: Iterable[str]) -> Iterator[Score]:
        """Scores in the order of the texts; a text that has none gets :data:`UNSCORED`.

        Equal texts within one call are scored once. Calls share nothing, so that a control text
        is always really scored.
        """
        ordered = tuple(texts)
        tokens = {text: self._encode(text) for text in dict.fromkeys(ordered)}
        longest_first = sorted(tokens, key=lambda text: len(tokens[text]), reverse=True)
        with ThreadPoolExecutor(self._workers) as pool:
            scores = dict(
                zip(
                    longest_first,
                    pool.map(lambda text: self._score(tokens[text]), longest_first),
                    strict=True,
                )
            )
        return iter([scores[text] for text in ordered])

    def _encode(self, text: str) -> Tokens:
        if not text.strip():
            return ()
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _score(self, tokens: Tokens) -> Score:
        if not tokens:
            return UNSCORED
        windows = tuple(self._description.windows(tokens))
        rows = [self._probabilities(window) for window in windows]
        if any(row is None for row in rows):
            return UNSCORED
        best = [max(column) for column in zip(*(row for row in rows if row), strict=True)]
        labels = tuple(zip(self._description.labels, best, strict=True))
        written = tuple((label, format_probability(value)) for label, value in labels)
        toxic = is_toxic(written, self._description.thresholds)
        return Score(labels, len(windows), toxic=toxic)

    def _probabilities(self, tokens: Sequence[int]) -> list[float] | None:
        description = self._description
        ids = np.array([[*description.prefix, *tokens, *description.suffix]], dtype=self._dtype)
        feed = {description.ids: ids, description.mask: np.ones_like(ids)}
        try:
            (logits,) = self._session.run([description.output], feed)
        except Exception:  # noqa: BLE001 - ONNX Runtime raises many kinds; no score is the answer
            return None
        if logits.shape != (1, len(description.labels)):
            got, want = logits.shape, (1, len(description.labels))
            message = f"got scores of shape {got}, expected {want}, from scorer {self._pin.id}"
            raise ServiceError(message)
        row = [float(value) for value in logits[0]]
        return [_sigmoid(value) for value in row] if all(map(math.isfinite, row)) else None


def open_scorer(
    folder: str | os.PathLike[str], *, expected: str = "", workers: int = 0
) -> BundleScorer:
    """Read and load a bundle; see :class:`BundleScorer`."""
    return BundleScorer(read_bundle(folder), expected=expected, workers=workers)


def _load_tokenizer(content: bytes) -> Any:
    try:
        tokenizer = tokenizers.Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:
        message = f"got {error}, expected a tokenizers file, in {TOKENIZER} of the scorer bundle"
        raise MalformedError(message) from error
    # A file may ask for truncation; what is cut off would pass unseen.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load_session(model: bytes) -> Any:
    references = parse_references(memoryview(model), f"{MODEL} of the scorer bundle")
    foreign = sorted(references.domains - _DOMAINS)
    if references.external or foreign:
        got = f"external data {list(references.external)} and operator domains {foreign}"
        message = f"got {got}, expected neither, in {MODEL} of the scorer bundle"
        raise MalformedError(message)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        message = f"got {error}, expected a graph that ONNX Runtime loads, in {MODEL}"
        raise MalformedError(message) from error


def _input_type(session: Any, description: Description) -> Any:
    types = {value.name: value.type for value in session.get_inputs()}
    outputs = {value.name for value in session.get_outputs()}
    known = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
    wanted = {description.ids, description.mask}
    kinds = set(types.values())
    if types.keys() != wanted or len(kinds) != 1 or not kinds <= known.keys():
        message = f"got inputs {types}, expected {sorted(wanted)} as integers, in {MODEL}"
        raise MalformedError(message)
    if description.output not in outputs:
        message = f"got outputs {sorted(outputs)}, expected {description.output!r}, in {MODEL}"
        raise MalformedError(message)
    return known[kinds.pop()]


def _sigmoid(logit: float) -> float:
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    power = math.exp(logit)
    return power / (1 + power)


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    line = next((row for row in text.splitlines() if row.startswith(("flags", "Features"))), "")
    flags = set(line.split())
    return " ".join((platform.machine(), *(flag for flag in _CPU_FLAGS if flag in flags)))
