# SPDX-License-Identifier: Apache-2.0
"""Verdict to text. Each renderer converts into its own shape and never dumps a domain object."""
