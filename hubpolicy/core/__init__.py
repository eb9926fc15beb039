# SPDX-License-Identifier: Apache-2.0
"""Deciding: pure functions from values to values. No I/O, no clock, no environment."""
