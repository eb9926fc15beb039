# SPDX-License-Identifier: Apache-2.0
"""The rooms where bytes come in and go out: git, Hub, files, ONNX, signers, clock."""
