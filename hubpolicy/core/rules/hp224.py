# SPDX-License-Identifier: Apache-2.0
"""HP224: something else answers than the files that are to be tested."""

from __future__ import annotations

from hubpolicy.domain.finding import Severity

ID = "HP224"
TITLE = "what answers is the model under test"
SEVERITY = Severity.ERROR
