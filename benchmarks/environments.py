"""Rows `shared` and `throwaway`: an environment of 44 distributions from the store, beside those who make one each time."""

from __future__ import annotations

import os
import shutil
import sys
import time
import zipfile
from functools import partial
from importlib.util import find_spec
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measuring import Line, interleaved, milliseconds, process, ratio, uv
from pytest_envrepro.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.store.store import Entry

_DISTRIBUTIONS = 44
_FOLDERS = 10  # Of each: 440 packages.
_MODULES = (
    11  # In each folder, and as many stubs: some 9,800 files, as uv installs them. We have their bytecode besides.
)
_PYTEST_VENV = """
import sys, pytest_venv
venv = pytest_venv.VirtualEnvironment(sys.argv[1])
venv.create()
for wheel in sys.argv[2:]:
    venv.install(wheel)
"""
_CACHED = 0.005
_EACH = 5e-6  # Seconds for a file.


def shared(folder: Path, runs: int) -> Iterator[Line]:
    """Find a shared environment: for the first time in a session, again, and after a test, the first and a later one."""
    made = _Made(folder)
    entry, files = made.entry, made.files

    def first() -> float:
        store = Store(made.store.folder)
        started = time.perf_counter()
        found = store.find(entry.key)
        seconds = time.perf_counter() - started
        assert found is not None
        store.close()
        return seconds

    def after(*, closely: bool) -> float:
        started = time.perf_counter()
        changes = made.store.changes(entry, closely=closely)
        seconds = time.perf_counter() - started
        assert changes == ()
        return seconds

    def again() -> float:
        started = time.perf_counter()
        found = made.store.find(entry.key)
        seconds = time.perf_counter() - started
        assert found is not None
        return seconds

    after(closely=False)
    watching = after(closely=False)
    works: dict[str, Callable[[], float]] = {
        "first": first,
        "after": partial(after, closely=True),
        "watched": partial(after, closely=False),
        "again": again,
        "uv": made.by_uv,
    }
    seconds = interleaved(runs, works)
    peer = f"uv venv && uv pip sync {milliseconds(median(seconds['uv']))}"
    words = {
        "again": ("shared environment, cached", _CACHED),
        "first": (f"shared environment, first use in a session, {made.said}", _CACHED + _EACH * files),
        "after": (f"shared environment, check after a test, {made.said}", _CACHED + _EACH * files),
        "watched": ("shared environment, check after a test, watched by then", _CACHED + _EACH * files),
    }
    for name, (work, target) in words.items():
        ours = median(seconds[name])
        yield Line(
            work=work,
            ours=milliseconds(ours),
            peers=peer,
            ratio=f"{ratio(seconds['uv'], seconds[name]):.1f}",
            target=f"at most {milliseconds(target)}",
            met=ours <= target,
        )
    if made.store.is_watched(entry):
        yield Line(work="the check that begins to watch", ours=milliseconds(watching))
    made.store.close()


def throwaway(folder: Path, runs: int) -> Iterator[Line]:
    """Take a private copy that lies ready, as it is and changed, or made on the spot, and give it back; beside its peers."""
    made = _Made(folder)
    # Two spares with bytecode: with one left, none is made in the background, which would be measured too.
    made.store.prepare(made.entry)
    first = made.store.private(made.entry, "it")
    made.store.prepare(made.entry)
    made.store.release(first)
    taken: list[float] = []

    def again() -> float:
        started = time.perf_counter()
        path = made.store.private(made.entry, "it")
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        made.store.release(path)
        taken.append(time.perf_counter() - started)
        return seconds

    works: dict[str, Callable[[], float]] = {
        "again": again,
        "changed": made.put_right,
        "new": made.on_the_spot,
        "uv": made.by_uv,
        "copies": made.by_copies_of_uv,
        "links": made.by_links,
    }
    seconds = interleaved(runs, works)
    links = f"os.walk and os.link, no more {milliseconds(median(seconds['links']))}"
    peers = [f"uv venv && uv pip sync {milliseconds(median(seconds['uv']))}", links]
    copies = [f"uv venv && uv pip sync --link-mode copy {milliseconds(median(seconds['copies']))}", *peers]
    once = [f"virtualenv and pip, once {milliseconds(made.by_pip())}"]
    if (seconds_of_peer := made.by_pytest_venv()) is not None:
        once.append(f"pytest-venv, once {milliseconds(seconds_of_peer)}")
    ready = f"a spare that lies ready, {made.said}"
    changed = f"a copy that a test before has given back, with one package uninstalled by hand, {made.said}"
    spot = f"made on the spot, {made.said_of_sources}, as uv's, the first time that so many are in use at once"
    # What shares no file with another copy has to be written: by us, and, shown beside it, by uv where it is told to copy.
    lines = (("again", ready, [*peers, *once]), ("changed", changed, peers), ("new", spot, copies))
    for name, work, words in lines:
        is_new = name == "new"
        ratios = [ratio(seconds[peer], seconds[name]) for peer in (*(("copies",) if is_new else ()), "uv", "links")]
        yield Line(
            work=f"throwaway virtualenv, cached, {work}",
            ours=milliseconds(median(seconds[name])),
            peers=", ".join(words),
            ratio=", ".join(f"{each:.1f}" for each in ratios),
            # Half is for what is ready; what is made on the spot is to cost no more than uv in its fastest mode.
            target="at most uv's time" if is_new else "at most half of uv's time",
            met=ratio(seconds["uv"], seconds[name]) >= (1 if is_new else 2),
        )
    yield Line(work="giving it back", ours=milliseconds(median(taken)))
    made.store.close()


class _Made:
    """The store with one environment in it, and what its peers need to make the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = sys.executable
        self.wheels = wheels(folder / "wheels")
        self.requirements = folder / "requirements.txt"
        self.requirements.write_text("".join(f"{wheel}\n" for wheel in self.wheels))
        self.variables = {"UV_CACHE_DIR": str(folder / "uv"), "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
        self.number = 0
        self.store = Store(folder / "envs")
        self.entry: Entry = self.store.get("0" * 64, self._build)
        names = [name for _, _, names in os.walk(self.entry.path) for name in names]
        self.files = len(names)
        bytecode = sum(name.endswith(".pyc") for name in names)
        self.said = f"{self.files - bytecode} files and {bytecode} of bytecode"
        self.said_of_sources = f"{self.files - bytecode} files"

    def _build(self, prefix: Path) -> dict[str, str]:
        self._uv(prefix, "--compile-bytecode", "--link-mode", "copy")
        return {}

    def _uv(self, prefix: Path, *options: str) -> float:
        """Make an environment with uv, and give the seconds."""
        venv = [uv(), "venv", "--quiet", "--allow-existing", "--python", self.python, str(prefix)]
        sync = [uv(), "pip", "sync", "--quiet", "--no-index", "--python", str(prefix / "bin" / "python")]
        works = [venv, [*sync, *options, str(self.requirements)]]
        return sum((process(argv, cwd=self.folder, variables=self.variables)().wall for argv in works), 0.0)

    def _fresh(self) -> Path:
        self.number += 1
        return self.folder / f"venv-{self.number}"

    def by_copies_of_uv(self) -> float:
        """Make the same with uv, so that a write into a file reaches no other environment."""
        return self.by_uv("copy")

    def by_uv(self, mode: str = "hardlink") -> float:
        """Make the same with uv, its cache warm and on the same disk, by default in its fastest mode, without bytecode."""
        prefix = self._fresh()
        seconds = self._uv(prefix, "--link-mode", mode)
        shutil.rmtree(prefix)
        return seconds

    def on_the_spot(self) -> float:
        """Make a private copy where no spare lies ready, in a session of its own."""
        session = Store(self.store.folder)
        entry = session.find(self.entry.key)
        assert entry is not None
        spares = entry.path.with_name("spares")
        away = spares.rename(self.folder / "away")
        started = time.perf_counter()
        path = session.private(entry, "it")
        seconds = time.perf_counter() - started
        away.rename(spares)
        shutil.rmtree(path.parent)
        session.close()
        return seconds

    def put_right(self) -> float:
        """Take a private copy that a session before has given back, with one package uninstalled by hand."""
        before, session = Store(self.store.folder), Store(self.store.folder)
        # Each has one alone, so that none is made beside it.
        entries = [each.find(self.entry.key) for each in (before, session)]
        assert entries[0] is not None
        assert entries[1] is not None
        used = before.private(entries[0], "it")
        copy = used.parent.stat().st_ino
        spares = entries[0].path.with_name("spares")
        away = spares.rename(self.folder / "away")  # Another is not to be taken in its place.
        uninstalled = [*used.glob("lib/python*/site-packages/lib_of_00*"), used / "bin" / "lib_of_00"]
        assert len(uninstalled) == 3
        for path in uninstalled:
            path.unlink() if path.is_file() else shutil.rmtree(path)
        before.release(used)
        started = time.perf_counter()
        path = session.private(entries[1], "it")
        seconds = time.perf_counter() - started
        assert path.parent.stat().st_ino == copy
        assert all((path / each.relative_to(used)).exists() for each in uninstalled)
        session.release(path)
        for each in spares.iterdir():
            each.rename(away / each.name)
        spares.rmdir()
        away.rename(spares)
        before.close()
        session.close()
        return seconds

    def by_links(self) -> float:
        """Link all files, and do nothing else."""
        target = self._fresh()
        source = (
            self.folder / "to be linked"
        )  # The shared one must not get other links: that changes its files' status.
        if not source.exists():
            shutil.copytree(self.entry.path, source, symlinks=True)
        started = time.perf_counter()
        for here, _, names in os.walk(source):
            copy = f"{target}{here[len(str(source)) :]}"
            os.mkdir(copy)
            for name in names:
                os.link(f"{here}/{name}", f"{copy}/{name}", follow_symlinks=False)
        seconds = time.perf_counter() - started
        shutil.rmtree(target)
        return seconds

    def by_pip(self) -> float:
        """Make the same with virtualenv and its own pip, all wheels at once."""
        prefix = self._fresh()
        venv = process([self.python, "-m", "virtualenv", "--quiet", prefix], cwd=self.folder)
        words = ["install", "--quiet", "--no-index", "--no-deps", *map(str, self.wheels)]
        pip = process([prefix / "bin" / "python", "-m", "pip", *words], cwd=self.folder)
        return venv().wall + pip().wall

    def by_pytest_venv(self) -> float | None:
        """Make the same with pytest-venv's fixture, where that is installed: its `install` takes one at a time."""
        if find_spec("pytest_venv") is None:
            return None
        argv = [self.python, "-c", _PYTEST_VENV, str(self._fresh()), *map(str, self.wheels)]
        return process(argv, cwd=self.folder, variables={"PIP_NO_INDEX": "1"})().wall


def wheels(folder: Path) -> list[Path]:
    """Build 44 wheels of many small modules and stubs, each with a console script: sizes are spread as those of libraries are."""
    folder.mkdir()
    random = Random(1)  # noqa: S311  # The same in every run is what is wanted.
    made = []
    for index in range(_DISTRIBUTIONS):
        name = f"lib_of_{index:02}"
        files = {f"{name}/__init__.py": "def main():\n    return 0\n"}
        for place in range(_FOLDERS):
            files |= {f"{name}/part_{place}/__init__.py{stub}": "" for stub in ("", "i")}
            for module in range(_MODULES - 1):
                lines = int(random.lognormvariate(4.2, 1.2))
                files[f"{name}/part_{place}/module_{module}.py"] = f"value_{module} = {place!r}  # Of a line.\n" * lines
                files[f"{name}/part_{place}/module_{module}.pyi"] = f"value_{module}: int\n" * lines
        info = f"{name}-1.dist-info"
        files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: it\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name} = {name}:main\n"
        files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
        path = folder / f"{name}-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in files.items():
                archive.writestr(zipfile.ZipInfo(member), text)
        made.append(path)
    return made
