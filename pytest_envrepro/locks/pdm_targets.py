"""What a lock of pdm was made for: Pythons and, from the schema 4.5 on, platforms side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pytest_envrepro.locks.support import lowest, marker_of, of_markers, of_pythons
from pytest_envrepro.provenance import Support, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_envrepro.locks.opening import Opened

_VARIABLES = ("sys_platform", "os_name", "platform_system")
_LINUX = ("linux", "posix", "Linux")
_SYSTEMS = {  # What begins the name of a platform, and those variables of markers there.
    "linux": _LINUX,
    "manylinux": _LINUX,
    "musllinux": _LINUX,
    "alpine": _LINUX,
    "macos": ("darwin", "posix", "Darwin"),
    "windows": ("win32", "nt", "Windows"),
}


def target_of(opened: Opened, targets: Sequence[Mapping[str, Any]], *, is_universal: bool) -> Target:
    """Give what a lock is for. Where it was made for some platforms, it may lack what others need.

    Args:
        targets: those that it names; none where it is of an old schema.
        is_universal: whether it is for all platforms where it names none.
    """
    platforms = [platform for target in targets if isinstance(platform := target.get("platform"), str)]
    if not targets and not is_universal:
        return Target()  # For the machine that wrote it, of which nothing is said.
    if len(platforms) < len(targets) or not targets:
        bounds = [lowest(_pythons(target)) for target in targets]
        known = [each for each in bounds if each is not None]
        line = opened.keys.line("metadata", "targets", "requires_python") if known else None
        python = min(known, key=Version) if known and len(known) == len(bounds) else None
        return Target(python=python, line=line if python else None, universal=True)
    line = opened.keys.line("metadata", "targets", "platform")
    if len(platforms) == 1:
        return Target(line=line, environment=_environment(platforms[0]), platform=platforms[0])
    covers = [marker for platform in platforms if (marker := _marker(_environment(platform)))]
    return Target(
        line=line,
        platform=", ".join(dict.fromkeys(platforms)),
        covers=" or ".join(f"({marker})" for marker in covers) if len(covers) == len(platforms) else None,
    )


def supports_of(opened: Opened, targets: Sequence[Mapping[str, Any]]) -> Iterator[Support]:
    """Give where pdm installs a lock: on what is one of its targets."""
    line = opened.keys.line("metadata", "targets") if targets else None
    if len(targets) == 1 and not targets[0].get("platform"):
        yield from of_pythons(_pythons(targets[0]), line)
        return
    places = (_marker(_environment(str(target.get("platform") or ""))) for target in targets)
    pythons = (marker_of(_pythons(target)) for target in targets)
    markers = [" and ".join(filter(None, both)) for both in zip(pythons, places, strict=True)]
    if all(markers):
        yield from of_markers(markers, line)


def _environment(platform: str) -> tuple[tuple[str, str], ...]:
    """Give the marker variables of a platform (`manylinux_2_17_x86_64`); none where its system is not known here."""
    known = _SYSTEMS.get(platform.partition("_")[0])
    return tuple(zip(_VARIABLES, known, strict=True)) if known else ()


def _marker(environment: tuple[tuple[str, str], ...]) -> str:
    return f'{environment[0][0]} == "{environment[0][1]}"' if environment else ""


def _pythons(target: Mapping[str, Any]) -> SpecifierSet:
    written = target.get("requires_python")
    try:
        return SpecifierSet(written if isinstance(written, str) else "")
    except ValueError:  # Also of a number that Python refuses to read.
        return SpecifierSet()
