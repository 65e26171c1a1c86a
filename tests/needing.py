"""Projects whose tests say what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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


def rows(table: Mapping[str, tuple[Any, ...]], on_workers: Collection[str]) -> list[Any]:
    """Give the rows of a table, each without workers, and those that are named with workers too, as its first column.

    What decides is the same code in both: of workers, a row for each way that something comes to them is enough.
    """
    plain = [pytest.param((), *row, id=name) for name, row in table.items()]
    return [*plain, *(pytest.param(("-n2",), *table[name], id=f"{name} -n2") for name in on_workers)]


def write(project: Project, test: str, table: str = TABLE, **files: str) -> None:
    """Write a module of tests, and the project's table."""
    project.write({"pyproject.toml": table, "test_it.py": f"import pytest\n{test}", **files})
