"""The fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integrations.cataloguing import Shop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Give an empty project, and an empty environment."""
    return Shop(tmp_path)
