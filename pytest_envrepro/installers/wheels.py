"""Projects of this machine as something to install: a wheel, built once for each state of the source, or the folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name, parse_wheel_filename

from pytest_envrepro.childenv import for_environments
from pytest_envrepro.errors import BuildError, LockError
from pytest_envrepro.installers.installing import failed_words
from pytest_envrepro.installers.shelf import Shelf
from pytest_envrepro.installers.source import copy_source, source_digest
from pytest_envrepro.installers.tools import TIMEOUT, Call
from pytest_envrepro.locking import Waiting
from pytest_envrepro.tables import load_toml
from pytest_envrepro.workspace import CopyError, alone, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pytest_envrepro.installers.installing import ReadyInstaller
    from pytest_envrepro.interpreter import Python

_DECLARES = ("pyproject.toml", "setup.cfg", "setup.py")
_EPOCH = "315532800"  # 1980-01-01, the first day that a ZIP archive can tell: two builds of one source are one wheel.
_ANY = "any"  # Whoever has built a wheel that every Python can use.
_PROJECT = "this project"


class ProjectWheel(NamedTuple):
    """A project, ready to be asked for beside other requirements.

    Attributes:
        path: the wheel, in the cache; or the project's folder, where it is editable.
        editable: whether the files of that folder are the ones in use.
        identity: tells it from every other state of it.
    """

    path: Path
    editable: bool
    identity: str

    @property
    def name(self) -> str:
        """The canonical name of what the wheel holds; of what is editable only the backend knows it."""
        return "" if self.editable else canonicalize_name(parse_wheel_filename(self.path.name)[0])

    def requirement(self, extras: Iterable[str] = ()) -> str:
        """Give the line of a requirements file that asks for it."""
        chosen = ",".join(sorted(extras))
        brackets = f"[{chosen}]" if chosen else ""
        if self.editable:  # By its URL: a space or a quote in a path would split the line.
            return f"-e {self.path.as_uri()}{brackets}"
        return f"{self.name}{brackets} @ {self.path.as_uri()}"


def editable_project(root: Path, what: str = _PROJECT) -> ProjectWheel:
    """Give a project as it lies in its folder.

    Args:
        what: it is called in messages.

    Raises:
        BuildError: it has no file that tells how it is built.
    """
    _check_buildable(root, what)
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root)))
    for name in _DECLARES:
        with contextlib.suppress(FileNotFoundError):
            digest.update(f"\0{name}\0".encode() + (root / name).read_bytes())
    return ProjectWheel(Path(os.path.realpath(root)), True, f"editable {digest.hexdigest()}")


def project_wheel(  # noqa: PLR0913  # All but the first three are policy, by name.
    root: Path,
    python: Python,
    installer: ReadyInstaller,
    *,
    cache: Path,
    environ: Mapping[str, str],
    what: str = _PROJECT,
    written: Collection[Path] = (),
    offline: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    run: str = "",
    timeout: float = TIMEOUT,
) -> ProjectWheel:
    """Build a project's wheel, unless one of the same source is there.

    It is built on a copy, with the installer's own isolation, by the Python that it is for; one for every Python is
    built once. Sources that come to the same wheel, byte by byte, have one identity.

    Args:
        cache: the user's cache folder.
        environ: the user's variables.
        what: the project is called in messages.
        written: files and folders below the root that this session writes.
        tell: is told what is being done, and which other process is waited for.
        run: a word that the processes of one run share, which do not tell that of each other.
        timeout: in seconds.

    Raises:
        BuildError: it cannot be copied or built.
    """
    _check_buildable(root, what)
    digest = source_digest(root, cache, written)
    own = hashlib.sha256(python.identity.encode()).hexdigest()[:16]
    shelf = Shelf(cache)
    with alone(cache, f"wheel-{digest[:16]}", Waiting(tell, run)):
        path = shelf.find(digest, _ANY) or shelf.find(digest, own)
        if path is None:
            tell(f"building {_wheel_of(what)} with {installer.label}")
            environ = {**for_environments(environ, resolving=True), "SOURCE_DATE_EPOCH": _EPOCH}
            try:
                with workspace(cache) as folder:
                    copy_source(root, folder / "project", cache, written)
                    call = Call(folder, environ, offline=offline, timeout=timeout)
                    made = _built(folder / "project", python, installer, call, what)
                    path = shelf.put(made, digest, _ANY if _is_for_all(made) else own)
            except (CopyError, OSError) as error:
                raise BuildError(f"{what} cannot be copied to build its wheel: {error}") from error
    return ProjectWheel(path, False, f"wheel {path.parent.name}")


def _wheel_of(what: str) -> str:
    return f"{what}'s wheel" if what == _PROJECT else f"the wheel of {what}"


def _check_buildable(root: Path, what: str) -> None:
    """Refuse what no backend is named for: pip and uv would make a wheel of it that is called UNKNOWN, or fail late.

    Raises:
        BuildError: why, and what to write.
    """
    if (root / "setup.py").is_file():
        return
    pyproject = root / "pyproject.toml"
    if not pyproject.is_file():
        raise BuildError(f"{what} cannot be built: there is no pyproject.toml and no setup.py in {root}")
    try:
        table = load_toml("pyproject.toml", pyproject.read_text(encoding="utf-8"))
    except (LockError, UnicodeDecodeError):
        return  # The backend has the better words for it.
    if not table.keys() & {"project", "build-system"} and not (root / "setup.cfg").is_file():
        raise BuildError(
            f"{what} cannot be built: {pyproject} has neither [project], with a name and a version, nor [build-system], "
            "and there is no setup.py beside it"
        )


def _built(source: Path, python: Python, installer: ReadyInstaller, call: Call, what: str) -> Path:
    """Build the wheel of a copy."""
    output = call.folder / "wheel"
    words = installer.kind.wheeling(str(source), str(output))
    done = installer.run(python.executable, words, call, doing="is to build a wheel")
    made = sorted(output.glob("*.whl"))
    if done.returncode or not made:
        said = f"{installer.label} cannot build {_wheel_of(what)}"
        raise BuildError(failed_words(done, said, (), offline=call.offline))
    return made[0]


def _is_for_all(path: Path) -> bool:
    """Tell whether a wheel is for every Python 3 on every platform, by its name (the binary distribution format)."""
    tags = parse_wheel_filename(path.name)[3]
    return any((tag.interpreter, tag.abi, tag.platform) == ("py3", "none", "any") for tag in tags)
