"""Makes an environment that is this one, but for some distributions, programs and variables; this one stays as it is.

It is a virtualenv of the same Python (`venv`, PEP 405) whose `site-packages` is made of links to what is installed
here: no file is copied but scripts and `.pth` files, and nothing is fetched.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.mirroring import StrippingError, has_any, link, mirror

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.claims import Without

__all__ = ["Stripped", "StrippingError", "strip"]

_LARGEST = 256 * 1024  # Bytes of a script that an installer writes: it has some hundred.


class Stripped(NamedTuple):
    """An environment that lacks something.

    Attributes:
        python: its interpreter.
        scripts: its folder of programs.
        environ: the variables to run something in it.
    """

    python: Path
    scripts: Path
    environ: dict[str, str]


def strip(folder: Path, without: Without, environ: Mapping[str, str]) -> Stripped:
    """Make the environment.

    The variables are this session's own, as the tests would see them in it, but for those that are taken away.

    Args:
        folder: an empty one; all that is made is in it.

    Raises:
        StrippingError: something cannot be taken away, with the reason.
    """
    prefix = folder / "environment"
    venv.EnvBuilder(symlinks=os.name != "nt").create(prefix)
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    places = {"base": str(prefix), "platbase": str(prefix), "installed_base": str(prefix)}
    scripts = Path(sysconfig.get_path("scripts", scheme, places))
    packages = Path(sysconfig.get_path("purelib", scheme, places))
    gone = _fill_sites(packages, folder, without.distributions)
    _put_ourselves(packages)
    variables = {name: value for name, value in environ.items() if name not in without.variables}
    variables["PYTHONDONTWRITEBYTECODE"] = "1"  # Through a link it would be written into this environment.
    python_path = variables.get("PYTHONPATH")
    if python_path and "PYTHONPATH" not in without.variables:
        paths = [_without(path, folder, without.distributions, gone) for path in python_path.split(os.pathsep)]
        variables["PYTHONPATH"] = os.pathsep.join(paths)
    if variables.get("VIRTUAL_ENV"):
        variables["VIRTUAL_ENV"] = str(prefix)
    _fill_scripts(scripts, gone, without.tools)
    variables["PATH"] = _path(variables.get("PATH", ""), scripts, folder, gone, without.tools)
    return Stripped(_interpreter(scripts), scripts, variables)


def _put_ourselves(packages: Path) -> None:
    """Let the tests be run by this package: another may be installed beside the one that is imported here."""
    here = Path(__file__).resolve().parent
    place = packages / here.name
    if place.resolve() == here:
        return
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    link(str(here), place)


def _interpreter(scripts: Path) -> Path:
    """Give the interpreter by a name that is not taken away."""
    ending = ".exe" if os.name == "nt" else ""
    names = [f"python{ending}", f"python3{ending}", Path(sys.executable).name]
    found = next((scripts / name for name in names if os.path.lexists(scripts / name)), None)
    if found is None:
        raise StrippingError("python cannot be taken away: it runs the tests")
    return found


def _fill_sites(target: Path, folder: Path, names: frozenset[str]) -> set[str]:
    """Fill `site-packages` as those of this interpreter are; give the paths that are gone.

    Further ones, as Debian has them and that of the user, are folders of their own that are added as the first is.
    """
    gone: set[str] = set()
    others: list[str] = []
    for index, path in enumerate(_sites()):
        place = target if index == 0 else folder / f"site-{index}"
        mirror(path, place, names, gone=gone, elsewhere=lambda path: _without(path, folder, names, gone))
        others += [] if index == 0 else [str(place)]
    if others:
        lines = [f"import site; site.addsitedir({path!r})\n" for path in others]
        Path(target, "zz-envrepro-others.pth").write_text("".join(lines), encoding="utf-8")
    return gone


def _sites() -> list[str]:
    """Give the folders that this interpreter reads `.pth` files in; that where an installer would write comes first."""
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    paths = [path for path in dict.fromkeys(map(os.path.realpath, folders)) if os.path.isdir(path)]
    first = os.path.realpath(sysconfig.get_path("purelib"))
    return sorted(paths, key=lambda path: path != first)


def _without(path: str, folder: Path, names: frozenset[str], gone: set[str]) -> str:
    """Give a folder of the search path; where it holds what is taken away, one in its place that does not."""
    if not path or not has_any(path, names):
        return path
    place = _place(folder, "path")
    mirror(path, place, names, gone=gone)
    return str(place)


def _place(folder: Path, name: str) -> Path:
    return folder / f"{name}-{sum(1 for each in os.listdir(folder) if each.startswith(name))}"


def _own_scripts() -> str:
    return os.path.realpath(sysconfig.get_path("scripts"))


def _fill_scripts(target: Path, gone: set[str], tools: frozenset[str]) -> None:
    """Fill the folder of programs; a script that names this Python is written anew, and names that of the target."""
    source = _own_scripts()
    taken = _taken(source, gone, tools)
    for name in tools:
        if name in os.listdir(target):
            os.unlink(target / name)  # As an interpreter may be what is taken away.
    for name in sorted(set(os.listdir(source)) - set(os.listdir(target)) - taken):
        _copy_script(os.path.join(source, name), target / name)


def _copy_script(path: str, place: Path) -> None:
    here = os.fsencode(os.path.dirname(sys.executable))
    try:
        is_small = os.path.isfile(path) and os.path.getsize(path) <= _LARGEST
        content = Path(path).read_bytes() if is_small else b""
    except OSError:
        return
    head, newline, rest = content.partition(b"\n")
    if content.startswith(b"#!/bin/sh\n'''exec'"):  # What a path is written as that is too long for a first line.
        more, _, rest = rest.partition(b"\n")
        head += newline + more
    pattern = re.compile(re.escape(here) + rb"/(?P<name>(?:python|pypy)[0-9.]*)")
    if not content.startswith(b"#!") or not pattern.search(head):
        link(path, place)
        return
    head = pattern.sub(lambda found: os.fsencode(place.parent / os.fsdecode(found["name"])), head)
    place.write_bytes(head + newline + rest)
    shutil.copymode(path, place)


def _path(path: str, scripts: Path, folder: Path, gone: set[str], tools: frozenset[str]) -> str:
    """Give PATH with another folder in the place of each that holds what is taken away."""
    found = []
    for each in path.split(os.pathsep):
        real = os.path.realpath(each) if each else ""
        if real and real in {_own_scripts(), os.path.realpath(os.path.dirname(sys.executable))}:
            found.append(str(scripts))
        elif real and (taken := _taken(real, gone, tools)):
            place = _place(folder, "programs")
            place.mkdir()
            for name in os.listdir(real):
                if name not in taken:
                    link(os.path.join(real, name), place / name)
            found.append(str(place))
        else:
            found.append(each)
    return os.pathsep.join(dict.fromkeys(found))


def _taken(folder: str, gone: Iterable[str], tools: Iterable[str]) -> set[str]:
    """Give the names in a folder that are to be taken away; on Windows a program has an ending that is not typed."""
    endings = ["", *os.environ.get("PATHEXT", "").lower().split(os.pathsep)] if os.name == "nt" else [""]
    programs = {os.path.normcase(f"{tool}{ending}") for tool in tools for ending in endings}
    try:
        names = os.listdir(folder)
    except OSError:
        return set()
    lost = {os.path.basename(path) for path in gone if os.path.dirname(path) == folder}
    return {name for name in names if os.path.normcase(name) in programs or name in lost}
