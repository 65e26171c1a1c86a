"""A project whose lock the real tools compile, from an index in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import toolshed
from indexes import COMMANDS, Index, compile_lock, use, write
from natives import Native, made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from projects import Project


@pytest.fixture
def index(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Give an index with some releases, which is the only one that pip and uv know."""
    index = Index(pytester.path / "index")
    use(index, monkeypatch)
    # Pip asks a Rust compiler for its version, and that may write into the home.
    home = pytester.path / "caches" / "home"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
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


@pytest.fixture(scope="session")
def known_locks() -> dict[str, bytes]:
    """Give the locks that the tools have written of the same input and the same index, by their tools."""
    return {}


@pytest.fixture
def locked(
    project: Project,
    index: Index,  # noqa: ARG001  # The lock is compiled from it.
    tool: str,
    known_locks: dict[str, bytes],
) -> Project:
    """Give a project whose lock is true: its tool has written it, once for all tests."""
    write(project, {"requirements.in": "flask\n"})
    lock = project.path / "requirements.txt"
    if tool not in known_locks:
        compile_lock(project, COMMANDS[tool])
        known_locks[tool] = lock.read_bytes()
    lock.write_bytes(known_locks[tool])
    return project


@pytest.fixture(scope="session")
def known_native_locks() -> dict[str, bytes]:
    """Give the locks of `native`, by their tools."""
    return {}


@pytest.fixture
def native(
    request: pytest.FixtureRequest,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    known_native_locks: dict[str, bytes],
) -> Iterator[Native]:
    """Give a project of the tool that the test is parametrized with, whose lock is true."""
    index = Index(tmp_path / "index", is_hashed=True)
    index.add("flask", "3.0", ("werkzeug>=3", "click; sys_platform != 'win32'"))
    index.add("werkzeug", "3.0", ("markupsafe",))
    index.add("markupsafe", "1.0")
    index.add("markupsafe", "2.0")
    index.add("click", "8.0")
    index.add("six", "1.16")
    index.add("httpx", "1.0", ("anyio",))
    index.add("anyio", "4.0")
    with toolshed.served(index) as variables:
        native = made(request.param, project, index, variables, monkeypatch, tmp_path / "home")
        if native.tool not in known_native_locks:
            native.compile()
            known_native_locks[native.tool] = native.lock.read_bytes()
        native.lock.write_bytes(known_native_locks[native.tool])
        yield native
