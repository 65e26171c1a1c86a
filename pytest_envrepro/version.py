"""The version of this distribution: the build reads it from here, and nobody imports the package for it."""

from __future__ import annotations

VERSION = "0.1.0"
