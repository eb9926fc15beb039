# SPDX-License-Identifier: Apache-2.0
"""One ONNX graph in memory, on one execution provider, shared by all workers.

Not responsible for texts, windows or thresholds: token ids go in, probabilities come out.

What is left off, and why: ``session.set_denormal_as_zero`` is set per thread, and the workers'
threads are ours, so that a score could depend on the thread; TF32 keeps ten bits of mantissa; the
runtime's own way out, which silently runs on another provider, would contradict what is recorded.
"""

from __future__ import annotations

import math
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.core.onnx_format import parse_references
from hubpolicy.core.onnx_tables import Lifted, lift_tables
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.adapters.scorers.description import Description
    from hubpolicy.adapters.scorers.private_copy import PrivateCopy

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
TABLE_BYTES = 16 * 1024**2
"""Word vectors of at least so many bytes stay out of the session."""

# Operators that ONNX Runtime brings itself; all others would need foreign code in this process.
_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"}
)
# Fused, these are slower: SkipLayerNormalization takes 335 us for 71 x 768 numbers where two Adds
# and LayerNormalization take 55, BiasGelu 260 us for 71 x 3072 where Add and Gelu take 195
# (ONNX Runtime 1.32, one core with AVX-512).
_SLOWER_FUSED = ("SkipLayerNormFusion", "BiasSkipLayerNormFusion", "BiasGeluFusion")
_OPTIONS: dict[str, dict[str, str]] = {CUDA: {"use_tf32": "0"}}


class LoadedGraph:
    """A classifier's graph. ``provider`` is where it really runs."""

    def __init__(
        self, read: Callable[[], PrivateCopy], description: Description, name: str, provider: str
    ) -> None:
        """Load from memory, so that nobody can change in between what was hashed.

        Args:
            read: gives a copy of the file's content that nobody else has.
            description: names of inputs, output and labels.
            name: what to call the file in messages.
            provider: an execution provider that is at hand.

        Raises:
            MalformedError: it refers to other files or foreign operators, is no graph that loads,
                or has other inputs and outputs than described.
            ServiceError: the provider does not work on this machine.

        """
        self._session, self._tables = _load(read(), name, provider)
        self._description = description
        self._dtype = _input_type(self._session, description, name, frozenset(self._tables))
        self.provider: str = self._session.get_providers()[0]
        if self.provider != provider:
            message = f"got {self.provider}, expected {provider}, from ONNX Runtime for {name}"
            raise ServiceError(message)

    def probabilities(self, tokens: Sequence[int]) -> list[float] | None:
        """One probability per label for one window; None if the graph gives no finite ones.

        Raises:
            ServiceError: the output has another shape than the description says.

        """
        return self.together([tokens])[0]

    def together(self, windows: Sequence[Sequence[int]]) -> list[list[float] | None]:
        """The same for windows of one length, in one run.

        Raises:
            ServiceError: see :meth:`probabilities`.

        """
        logits = self.logits(windows)
        if logits is not None:
            return [_probabilities(row) for row in logits]
        # One that fails must not take its neighbours with it.
        return [self.probabilities(one) for one in windows] if len(windows) > 1 else [None]

    def logits(self, windows: Sequence[Sequence[int]]) -> Any:
        """Of windows of one length: shape (windows, labels); None if the graph cannot.

        Raises:
            ServiceError: see :meth:`probabilities`.

        """
        described = self._description
        rows = [[*described.prefix, *tokens, *described.suffix] for tokens in windows]
        ids = np.array(rows, dtype=self._dtype)
        feed = {described.ids: ids, described.mask: np.ones_like(ids), **self._tables}
        try:
            (logits,) = self._session.run([described.output], feed)
        except Exception:  # noqa: BLE001 - ONNX Runtime raises many kinds; no score is the answer
            return None
        want = (len(windows), len(described.labels))
        if logits.shape != want:
            got = logits.shape
            message = f"got scores of shape {got}, expected {want}, from scorer {described.id}"
            raise ServiceError(message)
        return logits


def pick_provider(wanted: str = "") -> str:
    """The execution provider that was asked for, else CUDA where it is installed, else the CPU.

    Raises:
        UnsupportedError: the one asked for is not installed.

    """
    installed = onnxruntime.get_available_providers()
    if wanted and wanted not in installed:
        message = f"got execution provider {wanted!r}, expected one of {', '.join(installed)}"
        raise UnsupportedError(message, hint="pip install onnxruntime-gpu")
    return wanted or next((name for name in (CUDA,) if name in installed), CPU)


def _refuse_foreign(model: memoryview, name: str) -> None:
    references = parse_references(model, f"{name} of the scorer bundle")
    foreign = sorted(references.domains - _DOMAINS)
    if references.external or foreign:
        got = f"external data {list(references.external)} and operator domains {foreign}"
        message = f"got {got}, expected neither, in {name} of the scorer bundle"
        raise MalformedError(message)


def _load(copy: PrivateCopy, name: str, provider: str) -> tuple[Any, dict[str, Any]]:
    """A session, and the inputs that it gets in every run.

    From bytes the runtime makes three copies of the graph, from a file one and a bit; so it gets a
    file that is in memory only. Word vectors, the largest part, are not even copied once: they
    stay in our copy, and the session looks them up there. Accelerators would copy them in each run.
    """
    _refuse_foreign(copy.view, name)
    number = _file_in_memory()
    if number < 0:
        model = bytes(copy.view)
        return _open(model, name, provider), copy.keep(())
    try:
        lifted = _lift(copy.view, name, provider)
        try:
            with open(number, "wb", closefd=False) as file:
                file.writelines(lifted.pieces)
        except OSError as error:
            message = f"cannot hold {name} of the scorer bundle in memory: {error.strerror}"
            raise ServiceError(message) from error
        tables = copy.keep(lifted.tables)
        del copy, lifted
        return _open(f"/proc/self/fd/{number}", name, provider), tables
    finally:
        os.close(number)


def _file_in_memory() -> int:
    """A descriptor of a file that is on no disk and yet has a path; -1 where there is none."""
    if not hasattr(os, "memfd_create"):
        return -1
    try:
        number = os.memfd_create("graph")
    except OSError:  # forbidden to this process
        return -1
    if os.path.exists(f"/proc/self/fd/{number}"):  # noqa: PTH110
        return number
    os.close(number)
    return -1


def _lift(model: memoryview, name: str, provider: str) -> Lifted:
    if provider != CPU:
        return Lifted((model,), ())
    return lift_tables(model, name, TABLE_BYTES)


def _open(source: str | bytes, name: str, provider: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    providers = [(provider, _OPTIONS.get(provider, {}))]
    if provider != CPU:
        providers.append((CPU, {}))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session = onnxruntime.InferenceSession(
                source,
                options,
                providers=providers,
                disabled_optimizers=list(_SLOWER_FUSED),
                enable_fallback=0,
                read_config_from_model=0,
            )
    except Exception as error:
        message = f"got {error}, expected a graph that ONNX Runtime loads, in {name}"
        raise (MalformedError if provider == CPU else ServiceError)(message) from error
    # It keeps the bytes to start over on another provider, which is switched off.
    vars(session)["_model_bytes"] = None
    return session


def _input_type(session: Any, description: Description, name: str, tables: frozenset[str]) -> Any:
    types = {v.name: v.type for v in session.get_inputs() if v.name not in tables}
    outputs = {value.name for value in session.get_outputs()}
    known = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
    wanted = {description.ids, description.mask}
    kinds = set(types.values())
    if types.keys() != wanted or len(kinds) != 1 or not kinds <= known.keys():
        message = f"got inputs {types}, expected {sorted(wanted)} as integers, in {name}"
        raise MalformedError(message)
    if description.output not in outputs:
        message = f"got outputs {sorted(outputs)}, expected {description.output!r}, in {name}"
        raise MalformedError(message)
    return known[kinds.pop()]


def _probabilities(logits: Any) -> list[float] | None:
    row = [float(value) for value in logits]
    return [_sigmoid(value) for value in row] if all(map(math.isfinite, row)) else None


def _sigmoid(logit: float) -> float:
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    power = math.exp(logit)
    return power / (1 + power)
