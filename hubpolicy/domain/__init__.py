# SPDX-License-Identifier: Apache-2.0
"""Nouns: frozen values on the standard library alone. Nothing here decides or does I/O."""
