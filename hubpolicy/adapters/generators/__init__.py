# SPDX-License-Identifier: Apache-2.0
"""Models under test (plug-point Generator): ``onnx`` loads a folder, ``responses`` reads a file."""
