# SPDX-License-Identifier: Apache-2.0
"""Toxicity classifiers (plug-point Scorer). One implementation: bundles on ONNX Runtime."""
