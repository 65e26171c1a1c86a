"""The fixtures that tests of whole sessions share."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import making
import pytest
from containing import base_image, box, docker_api, engine  # noqa: F401  # Fixtures.
from disks import mounted
from projects import Project, Site

import pytest_envrepro.answers
import pytest_envrepro.gate
import pytest_envrepro.markers  # noqa: F401  # Once here, and not again in every session that a test runs.
from pytest_envrepro.store.store import Store

with contextlib.suppress(ImportError):
    # Once here: parts of `http` that a session of a test loads first would be there twice.
    import docker  # noqa: F401

with contextlib.suppress(ImportError):  # The extra `conda` may be absent.
    # Once here: what they have in C and in Rust stays with the module that it was loaded with, and cannot be loaded again.
    import rattler  # noqa: F401
    import yaml  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As for what a shell starts in the background: the programs that tests start, and end by Ctrl-C, would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


_MOST = 700  # Files that a process of the suite may have open at its end.


@pytest.fixture(scope="session", autouse=True)
def no_files_left() -> Iterator[None]:
    """Fail where tests have left files open: from 1,024 on, all that waits by `select` fails, in tests that are innocent."""
    yield
    opened = Path("/proc/self/fd")
    if opened.is_dir():
        assert len(os.listdir(opened)) < _MOST


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    store = Store(tmp_path / "envs")
    yield store
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of 4 MiB; the test says `requires_integration("disks")`."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as folder:
        yield folder


@pytest.fixture
def site(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Give an environment beside the real one, empty at first."""
    path = pytester.path / "site"
    path.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(path))
    monkeypatch.syspath_prepend(str(path))
    return Site(path)


@pytest.fixture
def project(pytester: pytest.Pytester, site: Site, monkeypatch: pytest.MonkeyPatch) -> Project:  # noqa: ARG001
    """Give an empty project, on a machine that is no CI and has nothing remembered."""
    for name in ("CI", "BUILD_NUMBER", "TOX_ENV_NAME", "PYTEST_ADDOPTS", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PYTEST_ENVREPRO_STRICT", "PYTEST_ENVREPRO_ALLOW_MISSING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", str(pytester.path / ".cache"))
    return Project(pytester)


# What is wrong with the environment that runs our own tests is none of a test's business.
_TABLE = """
[tool.pytest.ini_options]
[tool.envrepro.severity]
extraneous = "ignore"
conflict = "ignore"
missing-dependency = "ignore"
"""
_TESTS = """
def test_one():
    pass

def test_two():
    pass
"""


@pytest.fixture
def clean(project: Project, site: Site) -> Project:
    """Give a project with two tests, whose lock is true and installed."""
    site.add("flask", "3.0")
    project.write(
        {
            "pyproject.toml": _TABLE,
            "requirements.in": "flask>=2\n",
            "requirements.txt": making.pip_compiled("flask==3.0\n"),
            "tests/test_it.py": _TESTS,
        }
    )
    return project


@pytest.fixture
def broken(clean: Project) -> Project:
    """Give the same project after its input was changed: it asks for what is not pinned."""
    clean.write({"requirements.in": "flask>=2\nclick\n"})
    return clean
