# SPDX-License-Identifier: Apache-2.0
"""The model card: bytes to values, and what a card must say. Never on the hook's lean path."""
