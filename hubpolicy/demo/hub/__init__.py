# SPDX-License-Identifier: Apache-2.0
"""A small, strict server that speaks the Hub's wire protocol on loopback.

Standard library and the ``git`` executable only; it imports nothing else of hubpolicy, so that what
it says about a push is independent of the code under test. All state is on disk under one folder:

``repos/{models,datasets,spaces}/<ns>/<name>.git``  bare repositories, ``<name>.json`` what is said
of them,
``lfs/<oid[:2]>/<oid[2:4]>/<oid>``           large files by sha256,
``requests.jsonl``                           one line per request, without tokens,
``delayed``                                  the same of each that a fault delays, at once.

The Xet protocol is not spoken (``xet-write-token`` answers 404): set ``HF_HUB_DISABLE_XET=1``.
"""
