"""Makes a virtualenv of pins: virtualenv lays it out, an installer fills it, its own Python compiles it and is asked."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.childenv import for_environments
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.installing import python_of
from pytest_envrepro.installers.origins import say_whence
from pytest_envrepro.installers.tools import TIMEOUT, Call, MissingToolError, here, start, told
from pytest_envrepro.outcome import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.installers.installing import ReadyInstaller
    from pytest_envrepro.installers.pinning import Resolved
    from pytest_envrepro.interpreter import Python

_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")
# What tells where and by whom it was made, and nothing of what it is.
_CIRCUMSTANCE = re.compile(r"(?m)^(?:command|virtualenv) = .*\n?")


def build(  # noqa: PLR0913  # All but the first four are policy, by name.
    folder: Path,
    python: Python,
    resolved: Resolved,
    installer: ReadyInstaller,
    *,
    prove: Callable[[Path], None],
    files: Mapping[str, Path] = MappingProxyType({}),
    folders: Mapping[str, str] = MappingProxyType({}),
    environ: Mapping[str, str],
    workspace: Path,
    app_data: Path | None = None,
    offline: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    timeout: float = TIMEOUT,
) -> dict[str, Any]:
    """Make an environment in an empty folder, and give what is known of it: plain JSON types.

    Args:
        prove: raises an error where the environment, when it is asked itself, is not of the Python that was meant.
        files: by their path within the environment: where they lie.
        folders: by the canonical names of what was built in the place of a folder: the folder's URL.
        environ: the user's variables.
        workspace: an empty folder for the tools.
        app_data: where virtualenv remembers interpreters; the workspace, where that is None.
        tell: is told what is being done.
        timeout: of each tool, in seconds.

    Raises:
        BuildError: a tool fails; what was chosen is not what is there; it is not the Python that was meant.
    """
    call = Call(workspace, for_environments(environ, resolving=False), offline=offline, timeout=timeout)
    (workspace / "uv.toml").touch()  # uv looks for settings here and above; it is to find the user's own alone.
    tell(f"making a virtualenv of Python {python.interpreter.version}")
    _create(folder, python, call, app_data or workspace / "virtualenv")
    executable = python_of(folder, python)
    if resolved.pins:
        tell(f"installing {counted(len(resolved.pins), 'package')} with {installer.label}")
        installer.install(executable, resolved, call)
    _check_installed(folder, python, resolved, installer)
    say_whence(_site_folders(folder, python), folders)
    _put(folder, files)
    _compile(folder, python, call)
    prove(folder)
    return {
        "python": python.interpreter.version,
        "executable": python.executable,
        "lock": redact(resolved.text),  # Others may read what is kept.
        "tool": resolved.tool,
        "installer": installer.label,
        "weak": list(resolved.reasons),
        "unpinned": resolved.unpinned,
    }


def _create(folder: Path, python: Python, call: Call, app_data: Path) -> None:
    """Lay it out without pip, and without a process that would look for newer wheels afterwards."""
    try:
        argv = here("virtualenv")
    except MissingToolError as error:
        raise BuildError("virtualenv is not installed here: pip install virtualenv") from error
    options = ("--no-seed", "--no-periodic-update", "--no-vcs-ignore", "--app-data", str(app_data))
    (call.folder / "virtualenv.ini").touch()  # In the place of the user's own, which says how, and what besides.
    variables = {
        "VIRTUALENV_CONFIG_FILE": str(call.folder / "virtualenv.ini"),
        "VIRTUALENV_OVERRIDE_APP_DATA": str(app_data),  # Older ones make the user's, whatever the option says.
    }
    done = start(
        (*argv, "--quiet", "--python", python.executable, *options, str(folder)),
        call,
        doing="a virtualenv is to be made",
        variables=variables,
    )
    if done.returncode:
        raise BuildError(f"no virtualenv can be made of {python.executable}{told(done)}")
    config = folder / "pyvenv.cfg"
    config.write_text(_CIRCUMSTANCE.sub("", config.read_text(encoding="utf-8")), encoding="utf-8")


def _site_folders(folder: Path, python: Python) -> list[Path]:
    return [folder / name for name in dict.fromkeys((python.layout.purelib, python.layout.platlib))]


def _check_installed(folder: Path, python: Python, resolved: Resolved, installer: ReadyInstaller) -> None:
    """Refuse an environment that lacks what the installer was told to install."""
    found = dict(_installed(_site_folders(folder, python)))
    faults = []
    for pin in resolved.pins:
        if pin.version is None and "/" in pin.name:
            continue  # A place without a name: nobody can tell what it should be.
        version = found.get(pin.name)
        if version is None or (pin.version is not None and not _is_same(version, pin.version)):
            faults.append(f"{resolved.trail(pin.name)}: is {version or 'missing'} instead of {pin.version or 'there'}")
    if faults:
        what = f"{installer.label} ended well, and what was chosen is not in the environment: is it told to install elsewhere?"
        raise BuildError("\n  ".join([what, *faults]))


def _installed(folders: list[Path]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for entry in os.scandir(folder) if folder.is_dir() else ():
            named = _INFO.fullmatch(entry.name)
            if named is not None:
                yield canonicalize_name(named["name"]), named["version"]


def _is_same(one: str, other: str) -> bool:
    try:
        return Version(one.replace("_", "-")) == Version(other)
    except InvalidVersion:
        return one == other


def _put(folder: Path, files: Mapping[str, Path]) -> None:
    """Copy the settings' own files to their places.

    Raises:
        BuildError: a place is none of this environment, or a file cannot be read.
    """
    root = os.path.realpath(folder)
    for place, source in sorted(files.items()):
        path = PurePosixPath(place.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
            raise BuildError(f"files: '{place}' is no path within the environment")
        target = folder / path
        if not f"{os.path.realpath(target.parent)}{os.sep}".startswith(f"{root}{os.sep}"):
            raise BuildError(f"files: '{place}' leads out of the environment")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Put in the place of what is there: to write through a link, as `bin/python` is one, would change the original.
            shutil.copy(source, new := target.with_name(f".{target.name}.new"))
            new.replace(target)
        except OSError as error:
            raise BuildError(f"files: {source} cannot be put at '{place}': {error.strerror or error}") from error


def _compile(folder: Path, python: Python, call: Call) -> None:
    """Compile everything, for files that look the same whichever tool has installed them.

    What is no Python of this version stays as it is, as after any installation.
    """
    for site in _site_folders(folder, python):
        if site.is_dir():
            options = ("-q", "-q", "-f", "--invalidation-mode", "timestamp")
            argv = (python_of(folder, python), "-I", "-m", "compileall", *options, str(site))
            done = start(argv, call, doing="what is installed is to be compiled")
            if done.returncode not in {0, 1}:
                raise BuildError(f"what is installed cannot be compiled{told(done)}")
