"""A project whose tests ask for environments, offline: wheels in a folder, the real tools, and a cache."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
from workbench import Bench

if TYPE_CHECKING:
    import subprocess

    import pytest
    from projects import Project

# Writes down each program that a process of the session starts, a line each.
WATCHING = """
import sys

def _watch(event, args):
    if event == "subprocess.Popen":
        with open("STARTED", "a") as file:
            file.write(" ".join(map(str, args[1])) + "\\n")

sys.addaudithook(_watch)
"""
_TABLE = "[tool.pytest.ini_options]\n"
_CHOSEN = ("PIP_", "UV_", "LANG")


class Suite:
    """A project whose tests ask for environments."""

    def __init__(self, project: Project, bench: Bench, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        self.path = project.path
        self.bench = bench
        self.cache = cache
        self._monkeypatch = monkeypatch
        self._is_watched = False
        for name in [name for name in os.environ if name.startswith(_CHOSEN)]:
            monkeypatch.delenv(name)
        for name, value in bench.environ.items():
            if name.startswith(_CHOSEN):
                monkeypatch.setenv(name, value)
        self.use(cache)

    def use(self, cache: Path) -> None:
        """Take another cache than that of the other tests, in which nothing is made yet."""
        self.cache = cache
        self._monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", str(cache))

    def set(self, name: str, value: str) -> None:
        """Set a variable."""
        self._monkeypatch.setenv(name, value)

    def unset(self, name: str) -> None:
        """Take a variable away."""
        self._monkeypatch.delenv(name)

    def write(self, tests: str, table: str = "", **files: str) -> None:
        """Write the tests, the rest of `pyproject.toml`, and other files by their names without `.py`."""
        written = {f"{name}.py": text for name, text in files.items()}
        self.project.write({"pyproject.toml": f"{_TABLE}{table}", "test_it.py": tests, **written})

    def run(self, *args: str, subprocess: bool = False) -> pytest.RunResult:
        """Run the tests."""
        return self.project.test("--env-report=report.json", *args, subprocess=subprocess or self._is_watched)

    def rows(self) -> list[dict[str, Any]]:
        """Give the environments that the last report lists."""
        rows: list[dict[str, Any]] = json.loads((self.path / "report.json").read_text())["environments"]
        return rows

    def watched(self) -> Path:
        """Have each program written down that a session in processes of its own starts, and give the file."""
        file = self.path / "started.txt"
        file.touch()
        (self.path / "conftest.py").write_text(WATCHING.replace("STARTED", str(file)))
        self._is_watched = True  # Such a hook cannot be taken out of a process again.
        return file

    def privates(self) -> list[str]:
        """Give the folders of private environments that there are."""
        at = self.cache / "envs" / "at"
        return sorted(path.name for path in at.iterdir() if path.name.count("-") > 1 and (path / "env").is_dir())


def filled(path: Path) -> Bench:
    """Give a folder of wheels: `alpha` 1.0 and 2.0, of which the second needs `beta`; and `tool`, with a program."""
    bench = Bench(path)
    bench.wheels.mkdir()
    bench.wheel("alpha", "1.0")
    bench.wheel("alpha", "2.0", ["beta"])
    bench.wheel("beta", "1.0")
    bench.wheel("gamma", "1.0", ["alpha<2"])
    bench.wheel("tool", "1.0", scripts=["tool"])
    return bench


def lines(result: pytest.RunResult, start: str) -> list[str]:
    """Give the lines of the output that begin so."""
    return [line for line in result.outlines if line.startswith(start)]


def headed(result: pytest.RunResult, title: str) -> list[str]:
    """Give the lines of a section of the output, up to the next one."""
    at = next(index for index, line in enumerate(result.outlines) if line.strip("=-_ ") == title and line[:3] in _RULES)
    rest = result.outlines[at + 1 :]
    end = next((index for index, line in enumerate(rest) if line[:3] in _RULES), len(rest))
    return rest[:end]


_RULES = ("===", "---", "___")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"

# A project whose wheel takes its time: the builder says who it is, and waits.
SLOW_TABLE = """
[tool.envrepro.environments.slow]
project = "wheel"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "subject"
version = "1"
"""


def slow(suite: Suite, seconds: float) -> dict[str, str]:
    """Give the files of a project whose wheel takes so long to build; its builder writes who it is to `building.txt`."""
    told = str(suite.path / "building.txt")
    before = [f"pathlib.Path({told!r}).write_text(str(os.getpid()))", f"time.sleep({seconds})"]
    return {"backend": making.backend("subject", "1", before=before)}


ANOTHER = "process 1, which has been at it since 12:00:00"


def hold_as_another(path: Path) -> None:
    """Hold a lock for eight seconds as a session of the run `this`, which says who it is beside it."""
    from filelock import FileLock  # noqa: PLC0415  # This module is imported on a machine without it too.

    path.with_suffix(".who").write_text(f"{ANOTHER}\nthis")
    lock = FileLock(path, thread_local=False)
    lock.acquire()
    threading.Timer(8, lock.release).start()


def started_pid(path: Path, session: subprocess.Popen[str]) -> int:
    """Wait until somebody has written its process id to a file, and give it."""
    for _ in range(600):
        if path.is_file() and (text := path.read_text()).isdecimal():
            return int(text)
        if session.poll() is not None:
            raise AssertionError(f"the session has ended: {session.communicate()[0]}")
        time.sleep(0.05)
    raise AssertionError(f"nobody has written {path}")


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, or does so within some seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").is_file() and " Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.05)
    return False
