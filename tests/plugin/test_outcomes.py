"""A session says by its items, its last section and its exit code what the checks have found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core


def test_clean(project: Project, site: Site) -> None:
    """A lock that agrees with its input and with the environment passes, in one line."""
    site.add("flask", "3.0")
    project.write({"requirements.in": "flask>=2\n", "requirements.txt": pip_compiled("flask==3.0\n")})

    result = project.run()

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["environment reproducibility: clean, 3 checks, 1 of 1 pin proven, * ms*"])
    assert result.ret == 0


def test_broken(project: Project, site: Site) -> None:
    """An input that asks for more than is pinned fails, with the line and the command."""
    site.add("flask", "3.0")
    project.write({"requirements.in": "flask>=2\nclick\n", "requirements.txt": pip_compiled("flask==3.0\n")})

    result = project.run()

    result.assert_outcomes(passed=2, failed=1)
    assert project.findings() == [
        ("missing-direct", "click", None, None, "requirements.in:2", "not pinned in requirements.txt")
    ]
    assert result.ret == 1
