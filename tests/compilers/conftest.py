"""A project whose lock the real tools compile, from an index in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from indexes import COMMANDS, Index, compile_lock, use, write

if TYPE_CHECKING:
    from projects import Project


@pytest.fixture
def index(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Give an index with some releases, which is the only one that pip and uv know."""
    index = Index(pytester.path / "index")
    use(index, monkeypatch)
    index.add("flask", "2.0", ("werkzeug>=1", "click"))
    index.add("flask", "3.0", ("werkzeug>=3", "click", "blinker"))
    index.add("werkzeug", "2.0", ("markupsafe",))
    index.add("werkzeug", "3.0", ("markupsafe",))
    index.add("markupsafe", "1.0")
    index.add("markupsafe", "2.0")
    index.add("click", "8.0")
    index.add("blinker", "1.0")
    index.add("httpx", "1.0", ("anyio",))
    index.add("anyio", "4.0")
    return index


@pytest.fixture(params=COMMANDS)
def tool(request: pytest.FixtureRequest) -> str:
    """Give one of the tools, by the name that a lock has for it."""
    name: str = request.param
    return name


@pytest.fixture
def locked(project: Project, index: Index, tool: str) -> Project:  # noqa: ARG001  # The lock is compiled from it.
    """Give a project whose lock is true."""
    write(project, {"requirements.in": "flask\n"})
    compile_lock(project, COMMANDS[tool])
    return project
