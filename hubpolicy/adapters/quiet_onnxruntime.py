# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime and onnxruntime-genai with their telemetry off; the only way to import them here.

Since 1.29 the runtime's Linux packages send events about models and machine to the vendor, and
write a device id, unless this variable is set before the library is loaded; the functions that
turn events off come too late for the first ones (github.com/microsoft/onnxruntime/pull/27379).
They are for a host program that loaded the runtime before us: of our models it says nothing.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
import onnxruntime_genai

onnxruntime.disable_telemetry_events()
if hasattr(onnxruntime_genai, "disable_telemetry_events"):
    onnxruntime_genai.disable_telemetry_events()

__all__ = ["onnxruntime", "onnxruntime_genai"]
