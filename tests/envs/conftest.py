"""The fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from envs.handling import Maker

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """Give what makes virtualenvs, beside an empty project."""
    return Maker(tmp_path)
