# SPDX-License-Identifier: Apache-2.0
"""The Python upload guard: what a process does when it is about to write to a hub (docs/guard.md).

``startup.py`` is copied into an environment by ``hubpolicy guard enable`` and imports nothing of
this package; ``__main__.py`` is the judge that it asks.
"""
