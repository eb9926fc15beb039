# SPDX-License-Identifier: Apache-2.0
"""One use case per module. Arguments are ports and values; the result is a value."""
