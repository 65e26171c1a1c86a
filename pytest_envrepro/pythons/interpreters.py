"""Finds the Python that settings ask for, wherever it is on this machine; the wrong one never passes for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.pythons.known import Known, best, host, may_fit
from pytest_envrepro.pythons.machine import Candidate
from pytest_envrepro.pythons.probing import stamp
from pytest_envrepro.pythons.pyenv import FILE, SYSTEM, Pyenv, names_of, version_file, without_exec
from pytest_envrepro.pythons.questions import OLDEST
from pytest_envrepro.pythonspecs import FORMS, Spec, begins_as_path, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.interpreter import Python


class _Answer(NamedTuple):
    """What was found for a specification in this session, and the stamp of its file at the time."""

    python: Python
    stamp: str | None


class Finder:
    """Finds interpreters for a project.

    Args:
        root: the project; paths are relative to it, and its `.python-version` is looked for from here upwards.
        environ: the variables of the session.
        cache: the user's cache folder, where it is remembered what interpreters said; None to ask them each time.
    """

    def __init__(self, *, root: Path, environ: Mapping[str, str], cache: Path | None) -> None:
        self._root = root
        self._environ = without_exec(environ)
        self._known = Known(self._environ, cache)
        self._answers: dict[str | None, _Answer] = {}
        self._missing: dict[str | None, InterpreterNotFound] = {}

    def find(self, spec: str | None) -> Python:
        """Find the interpreter that a specification asks for.

        Of a version or a range, it is the Python that runs pytest if that fits; else one that the project's
        `.python-version` names; else the newest, final releases before previews, and of two that are equal pyenv's
        before those on PATH. A version without an implementation is CPython's, and one without a `t` is not
        free-threaded.

        Args:
            spec: as `python` in settings; None for the Python that runs pytest, or the base of its virtualenv.

        Raises:
            InterpreterNotFound: there is none; the message tells all that there are.
        """
        wanted = spec.strip() if spec is not None else None
        answer = self._answers.get(wanted)
        if answer is not None and stamp(answer.python.executable) == answer.stamp:
            return answer.python
        if (missing := self._missing.get(wanted)) is not None:
            raise missing.again()
        try:
            python = self._known.probe(host()) if wanted is None else self._find(wanted)
        except InterpreterNotFound as error:
            self._missing[wanted] = error
            raise
        self._answers[wanted] = _Answer(python, stamp(python.executable))
        return python

    def found(self) -> tuple[Python, ...]:
        """Give all that work on this machine, each once, by implementation, version and path."""
        return self._known.found()

    def _find(self, wanted: str) -> Python:
        if wanted == FILE:
            return self._of_project()
        pyenv = self._known.pyenv
        folder = pyenv.folder(wanted) if pyenv and wanted else None
        path = os.path.normpath(os.path.join(self._root, os.path.expanduser(wanted)))
        is_path = any(mark and mark in wanted for mark in (os.sep, os.altsep)) or begins_as_path(wanted)
        if is_path and (folder is None or os.path.lexists(path)):
            return self._at(path)
        spec = parse(wanted)
        # A virtualenv of pyenv may be called as it likes; but a version is looked for everywhere.
        if folder is not None and (spec is None or not wanted[0].isdigit()):
            return self._of_pyenv(folder)
        if spec is None:
            raise self._nothing(f"'{wanted}' is no Python that is known here; it may be {FORMS}")
        return self._fitting(wanted, spec)

    def _of_project(self) -> Python:
        """Give what the project's `.python-version` stands for; of several lines, as pyenv's `python`, the first."""
        file = version_file(str(self._root))
        if file is None:
            raise self._nothing(f"there is no {FILE} in {self._root}, nor above it")
        names = names_of(file)
        if not names:
            raise self._nothing(f"{file} names no version")
        name = names[0]
        if name == SYSTEM:
            found = self._first_on_path("python3", "python")
            if found is None:
                raise self._nothing(f"{file} asks for '{SYSTEM}', and no Python on PATH works but pyenv's")
            return found
        if self._known.pyenv and (folder := self._known.pyenv.meant(name)):
            return self._of_pyenv(folder)
        spec = parse(name.removeprefix("python-"))
        if spec is None:
            raise self._nothing(f"{file} asks for '{name}', which is neither a version nor a name of pyenv's")
        return self._fitting(name, spec, f", which {file} asks for")

    def _at(self, path: str) -> Python:
        """Give the interpreter at a path, or in a folder: of a virtualenv, its base."""
        if os.path.isdir(path):
            inside = [("bin", "python"), ("bin", "python3"), ("Scripts", "python.exe"), ("python.exe",)]
            programs = (os.path.join(path, *each) for each in inside)
            program = next((each for each in programs if os.path.lexists(each)), None)
            if program is None:
                raise self._nothing(f"the folder {path} has no interpreter in it")
            return self._at(program)
        pyenv = self._known.pyenv
        if pyenv:
            shim = next((each for each in (path, os.path.realpath(path)) if pyenv.is_shim(each)), None)
            if shim is not None:
                return self._behind(shim, pyenv)
        return self._exactly(Candidate(path, path))

    def _of_pyenv(self, folder: str) -> Python:
        return self._exactly(self._known.of_pyenv(folder))

    def _exactly(self, candidate: Candidate) -> Python:
        try:
            return self._known.probe(candidate)
        except InterpreterNotFound as error:
            raise self._nothing(str(error)) from None

    def _behind(self, shim: str, pyenv: Pyenv) -> Python:
        """Give the interpreter that a shim of pyenv would start in the project."""
        program = os.path.basename(shim)
        choice = pyenv.active(self._environ, self._root)
        for name in (*choice.names, SYSTEM):
            if name == SYSTEM:
                if (found := self._first_on_path(program)) is not None:
                    return found
            elif folder := pyenv.meant(name):
                path = pyenv.program(folder, program)
                if os.access(path, os.X_OK):
                    return self._exactly(Candidate(path, f"pyenv {os.path.basename(folder)}"))
        names = ", ".join(choice.names)
        raise self._nothing(f"{shim} is a shim of pyenv; {choice.origin} chooses {names}, which has no {program}")

    def _first_on_path(self, *names: str) -> Python | None:
        there = list(self._known.machine.on_path())
        for name in names:
            for candidate in there:
                is_it = os.path.basename(candidate.path) in {name, f"{name}.exe"}
                if is_it and (found := self._known.working(candidate)):
                    return found
        return None

    def _fitting(self, wanted: str, spec: Spec, why: str = "") -> Python:
        """Give the best that fits; before there is said to be none, nothing is believed that was remembered."""
        running = self._known.working(host())
        if running and spec.fits(running):
            return running
        file = version_file(str(self._root))
        names = names_of(file) if file else ()
        pinned = tuple(filter(None, (parse(name.removeprefix("python-")) for name in names)))
        known = self._known
        for candidates in (known.likely(), known.likely(anew=True), known.machine.on_path()):
            likely = (each for each in candidates if may_fit(each, spec))
            fitting = (python for each in likely if (python := known.working(each)) and spec.fits(python))
            if found := best(fitting, pinned):
                return found
        advice = fix = ""
        nothing = f"no Python here is '{wanted}'{why}"
        if spec.version and spec.version.release < OLDEST and spec.implementation == "cpython":
            if (old := known.too_old(spec.version)) is not None:
                nothing = f"no Python here that can be used is '{wanted}'{why}: {old}"
            advice = "ask for another one: environments are made with 3.8 and later"
        if known.pyenv and spec.version and spec.implementation == "cpython" and spec.version.release >= OLDEST:
            version = f"{spec.version}{'t' if spec.threaded else ''}"
            fix = f"pyenv install {version}"
            advice = f"install it (`{fix}`), or ask for another one"
        raise self._nothing(nothing, advice=advice, fix=fix)

    def _nothing(self, message: str, *, advice: str = "", fix: str = "") -> InterpreterNotFound:
        """Word that there is nothing, with all that there is."""
        versions = (each.interpreter.version for each in self._known.found())
        return InterpreterNotFound(message, found=versions, table=self._known.report(message), advice=advice, fix=fix)
