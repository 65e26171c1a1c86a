"""What can be said of a Python that is wanted: an implementation, a version or a range of them, a build."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from pytest_envrepro.interpreter import Python

_IMPLEMENTATIONS = {
    **dict.fromkeys(("", "python", "py", "cpython", "cp"), "cpython"),
    **dict.fromkeys(("pypy", "pp"), "pypy"),
    **dict.fromkeys(("graalpy", "graalvm"), "graalpy"),
}
_SPEC = re.compile(
    r"(?P<implementation>[a-z]*)(?:[-@](?=\d))?"
    r"(?:(?P<version>\d+(?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?)"
    r"|\s*(?P<range>[<>=!~][^a-z-]*(?:(?:a|b|rc)\d+[^a-z-]*)*))?"
    r"(?P<threaded>t)?(?P<debug>d|-dbg|-debug)?(?:-(?P<bits>32|64))?",
    re.IGNORECASE,
)
_SHORT = re.compile(r"([23])(\d{1,2})")  # `312`, as in `py312`.


# What uv puts behind the version in a `.python-version`.
_PLATFORM = re.compile(r"-(?:linux|macos|windows)-.*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A Python that is wanted.

    Attributes:
        implementation: `cpython` where none is named: `3.12` is not PyPy's 3.12.
        version: the first numbers of the version (`3.12`), or all of it (`3.12.1`, `3.13.0rc2`); or None.
        range: PEP 440 specifiers that it meets; or None.
        threaded: whether it is a free-threaded build.
        debug: whether it must be a debug build; else it may be one, if there is no other.
        bits: 32 or 64; None for either.
    """

    implementation: str = "cpython"
    version: Version | None = None
    range: SpecifierSet | None = None
    threaded: bool = False
    debug: bool = False
    bits: int | None = None

    def fits(self, python: Python) -> bool:
        """Tell whether an interpreter is what is wanted."""
        return (
            python.interpreter.implementation == self.implementation
            and python.is_threaded == self.threaded
            and (python.is_debug or not self.debug)
            and self.bits in {None, python.bits}
            and self.fits_version(Version(python.interpreter.version))
        )

    def fits_version(self, version: Version) -> bool:
        """Tell whether a version is what is wanted.

        A preview of `3.14.0` fits `3.14`, where there is nothing better, and not `3.14.0`.
        """
        if self.version is not None:
            wanted = self.version.release
            if self.version.is_prerelease or (len(wanted) > 2 and version.is_prerelease):  # noqa: PLR2004
                return version == self.version
            return version.release[: len(wanted)] == wanted
        return self.range is None or self.range.contains(version, prereleases=True)


def parse(text: str) -> Spec | None:
    """Read `3.12`, `3.12.1`, `cpython3.12`, `py312`, `pypy`, `3.13t`, `>=3.9,<3.12`; give None for anything else."""
    match = _SPEC.fullmatch(_PLATFORM.sub("", text.strip()))
    implementation = _IMPLEMENTATIONS.get(match["implementation"].lower()) if match else None
    if match is None or implementation is None or not text.strip():
        return None
    try:
        return Spec(
            implementation=implementation,
            version=Version(_SHORT.sub(r"\1.\2", match["version"], count=1) if _is_short(match) else match["version"])
            if match["version"]
            else None,
            range=SpecifierSet(match["range"]) if match["range"] else None,
            threaded=bool(match["threaded"]),
            debug=bool(match["debug"]),
            bits=int(match["bits"]) if match["bits"] else None,
        )
    except (InvalidSpecifier, InvalidVersion):
        return None


def _is_short(match: re.Match[str]) -> bool:
    return _SHORT.fullmatch(match["version"]) is not None


FORMS = (
    "a version (3.12), a range (>=3.9,<3.12), cpython3.12, pypy, 3.13t, a path, .python-version, or a name of pyenv's"
)
_NAME = re.compile(r"\w[\w.+@-]*")  # Of pyenv's: its folder, which is a word of a shell.


def is_possible(text: str) -> bool:
    """Tell whether a text could stand for a Python on some machine: it is a spec, a path, or a name that pyenv may have."""
    text = text.strip()
    is_path = "/" in text or "\\" in text or begins_as_path(text)
    return is_path or parse(text) is not None or _NAME.fullmatch(text) is not None


def begins_as_path(text: str) -> bool:
    """Tell whether a text begins as a path without a separator does: with a dot, or with a home; `~=` begins a range."""
    return text.startswith((".", "~")) and not text.startswith("~=")
