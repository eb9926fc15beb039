# SPDX-License-Identifier: Apache-2.0
"""The fastest matrix products that this machine does, on all its cores: the limit for scoring.

fp32: torch's sgemm on one large product, and ONNX Runtime's MatMul on an encoder's shapes, one
thread per core. int8: ONNX Runtime's MatMulInteger, unsigned by signed, as the int8 graphs have it.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.4
SHAPES = ((72, 768, 768), (72, 768, 3072), (512, 768, 768), (512, 768, 3072))
"""Rows, inner, columns."""
LARGE = 2048


def probes() -> dict[str, list[Callable[[], float]]]:
    """By precision; each takes a moment and gives operations per second."""
    return {
        "fp32": [_torch(), *(_threads("MatMul", *shape) for shape in SHAPES)],
        "int8": [_threads("MatMulInteger", *shape) for shape in SHAPES],
    }


def _torch() -> Callable[[], float]:
    import torch

    left, right = torch.randn(LARGE, LARGE), torch.randn(LARGE, LARGE)

    def probe() -> float:
        began, products = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            torch.mm(left, right)
            products += 1
        return products * 2 * LARGE**3 / (time.perf_counter() - began)

    return probe


def _threads(operator: str, rows: int, inner: int, columns: int) -> Callable[[], float]:
    """The same product on every core at once, each with weights of its own."""
    cores = len(os.sched_getaffinity(0))
    feed = {"x": _numbers(operator, (rows, inner), signed=False)}
    sessions = [_session(operator, rows, inner, columns) for _ in range(cores)]

    def work(session: Any) -> int:
        products, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            session.run(None, feed)
            products += 1
        return products

    def probe() -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            products = sum(pool.map(work, sessions))
        return products * 2 * rows * inner * columns / (time.perf_counter() - began)

    return probe


def _session(operator: str, rows: int, inner: int, columns: int) -> Any:
    whole = operator == "MatMulInteger"
    kinds = (TensorProto.UINT8, TensorProto.INT32) if whole else (TensorProto.FLOAT,) * 2
    weights = numpy_helper.from_array(_numbers(operator, (inner, columns), signed=True), "w")
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", kinds[0], [rows, inner])],
        [helper.make_tensor_value_info("y", kinds[1], [rows, columns])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def _numbers(operator: str, shape: tuple[int, int], *, signed: bool) -> Any:
    random = np.random.default_rng(0)
    if operator == "MatMul":
        return random.standard_normal(shape).astype(np.float32)
    low, high, kind = (-127, 128, np.int8) if signed else (0, 256, np.uint8)
    return random.integers(low, high, shape).astype(kind)
