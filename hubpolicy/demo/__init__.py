# SPDX-License-Identifier: Apache-2.0
"""The demonstration world: a local hub and the story told against it."""
