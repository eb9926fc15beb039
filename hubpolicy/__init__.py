# SPDX-License-Identifier: Apache-2.0
"""Publishing a model on the Hub is possible only with signed evidence about the exact bytes."""

__version__ = "0.1.0"
