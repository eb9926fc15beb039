# SPDX-License-Identifier: Apache-2.0
"""Makes scorer bundles of the published Detoxify models (extra ``[detoxify]``).

Needs torch once, on any machine; the bundle runs without it. Importing this package imports none of
it; :func:`hubpolicy.adapters.scorers.export.bundling.export_scorer` does the work.
"""
