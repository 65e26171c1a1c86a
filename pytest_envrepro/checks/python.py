"""Compares this Python with those that the project declares, and with the one that each lock was compiled with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from pytest_envrepro.checks.base import Facts, is_other_platform, is_other_python, release_of
from pytest_envrepro.outcome import Finding, Outcome, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_envrepro.inventory import Interpreter
    from pytest_envrepro.model import Declared

# What pyenv, uv and others write into `.python-version`: `3.11`, `3.11.7`, `pypy3.10-7.3.17`, `cpython-3.12.1-linux`.
# The free-threaded ones (`3.13t`) are left out: an interpreter does not tell here whether it is one. So are versions of
# PyPy or GraalPy themselves (`graalpy-24.1`).
_VERSION = re.compile(
    r"(?:(?P<implementation>python|cpython|pypy|graalpy)[-@]?)?"
    r"(?P<version>[23](?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?)(?:-.*)?"
)
_IMPLEMENTATIONS = {None: "cpython", "python": "cpython"}


class PythonCheck:
    """This Python is one that the project is for."""

    name = "python"
    codes: tuple[str, ...] = ("python-mismatch",)

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give the file that checks of the whole environment are shown at, where anything is declared or disagrees."""
        project = facts.project
        if project.python_versions or project.requires_python or any(_other_locks(facts)):
            return (project.anchor,)
        return ()

    def key(self, facts: Facts, subject: str) -> None:
        """Give None: it is not remembered."""

    def judge(self, facts: Facts, subject: str) -> Outcome:  # noqa: ARG002  # There is one Python.
        """Judge this interpreter."""
        project = facts.project
        python = facts.inventory.interpreter
        told: list[str] = []
        findings = list(_other_locks(facts))
        reason = None
        if project.python_versions:
            pinned = [(declared, _is_meant(declared.text, python)) for declared in project.python_versions]
            if any(meant for _, meant in pinned):
                told.append(".python-version")
            elif any(meant is None for _, meant in pinned):
                unclear = next(declared for declared, meant in pinned if meant is None)
                says = f"says '{unclear.text}', which tells no version" if unclear.text else "cannot be read"
                reason = f"{unclear.file}:{unclear.line} {says}"
            else:
                findings.append(_other_python(project.python_versions, python))
        if project.requires_python is not None:
            told.append("requires-python")
            findings += _unsupported(project.requires_python, python)
        as_told = f", as {' and '.join(told)} say{'s' if len(told) == 1 else ''}" if told and not findings else ""
        return Outcome(
            findings=sort_findings(findings),
            reason=reason,
            judged=reason is None,
            detail=f"{python.version}{as_told}",
        )


def _is_meant(text: str, python: Interpreter) -> bool | None:
    """Tell whether a line of `.python-version` means this Python; None where it names no version."""
    match = _VERSION.fullmatch(text)
    if match is not None:
        implementation = _IMPLEMENTATIONS.get(match["implementation"], match["implementation"])
        wanted = match["version"].split(".")
        return (
            implementation == python.implementation and python.version.rstrip("+").split(".")[: len(wanted)] == wanted
        )
    try:
        # uv takes a specifier too.
        return SpecifierSet(text).contains(release_of(python), prereleases=True) if text else None
    except ValueError:  # Also of a number that Python refuses to read.
        return None


def _other_python(versions: Sequence[Declared], python: Interpreter) -> Finding:
    """Give the finding of a `.python-version` none of whose lines means this Python, at the first of them."""
    asked = " or ".join(declared.text for declared in versions)
    return _mismatch(versions[0], python, f"asks for {asked}, this is {python.implementation} {python.version}")


def _mismatch(declared: Declared, python: Interpreter, message: str) -> Finding:
    return Finding(
        code="python-mismatch",
        expected=declared.text,
        actual=python.version,
        file=declared.file,
        line=declared.line,
        message=message,
    )


def _unsupported(declared: Declared, python: Interpreter) -> Iterator[Finding]:
    try:
        if not SpecifierSet(declared.text).contains(release_of(python), prereleases=True):
            yield _mismatch(declared, python, f"requires-python asks for {declared.text}, this is {python.version}")
    except ValueError:
        yield _mismatch(declared, python, f"requires-python '{declared.text}' is not a valid specifier")


def _other_locks(facts: Facts) -> Iterator[Finding]:
    """Give a warning for each lock of this environment that was compiled for another Python or platform than this."""
    python = facts.inventory.interpreter
    for path in facts.locks if facts.installed is None else facts.installed:
        lock = facts.locks[path]
        target = lock.target
        if is_other_python(facts, target):
            expected, actual = target.python, python.version
            message = f"compiled for Python {target.python}, this is {python.version}"
        elif is_other_platform(facts, target):
            expected, actual = target.platform, python.platform
            message = f"compiled for {target.platform}, this is {python.platform}"
        else:
            continue
        yield Finding(
            code="python-mismatch",
            severity="warn",
            expected=expected,
            actual=actual,
            file=lock.path,
            line=target.line,
            message=message,
            fix=lock.fix,
        )
