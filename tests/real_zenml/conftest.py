"""The fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from real_zenml.asking import ZenML

if TYPE_CHECKING:
    from projects import Project, Site


@pytest.fixture
def zenml(project: Project, site: Site) -> ZenML:
    """Give the ZenML that the project's session sees."""
    return ZenML(project.path, site.path)
