# SPDX-License-Identifier: Apache-2.0
"""Talks to people: parses options, wires adapters, prints, exits."""
