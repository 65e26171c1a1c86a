"""Projects whose tests say what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from projects import Project

TABLE = """
[project]
name = "it"
version = "1"
optional-dependencies = { fast = ["orjson>=3"] }

[dependency-groups]
test-db = ["psycopg>=3.1", "sqlglot"]

[tool.envrepro.integrations]
postgres = { requirements = ["psycopg>=3.1"], tools = ["no-such-tool>=15"] }
queue = { requirements = ["kombu"] }
plain = { requirements = ["pytest"] }
"""
WAYS = pytest.mark.parametrize("way", [(), ("-n2",)], ids=["plain", "-n2"])


def write(project: Project, test: str, table: str = TABLE, **files: str) -> None:
    """Write a module of tests, and the project's table."""
    project.write({"pyproject.toml": table, "test_it.py": f"import pytest\n{test}", **files})
