# SPDX-License-Identifier: Apache-2.0
"""One rule, one file: an id, a title, a severity and a pure check."""
