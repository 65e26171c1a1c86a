"""What tells environments apart: all of their settings that count, as they are and not as they are shown, and what they copy."""

from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.digests import Digests
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.plans import SCHEMA, digest_of
from pytest_envrepro.settingkeys import HIGHEST, KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.enginevalues import Order
    from pytest_envrepro.installers import ReadyInstaller, Sources
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.settings import Settings

_HOW = frozenset({"pull", "builder"})  # They decide how an environment is made, and not which.


def identity_of(settings: Settings) -> str:
    """Digest what is declared: two declarations with other values have other identities, also where both are shown as `****`.

    What an environment is called, and who declares it, is no part of it; nor is what the files hold that it names.
    """
    return digest_of([SCHEMA, *([key, settings.raw(key)] for key in KEYS if key not in _HOW)])


def identity_of_choice(
    settings: Settings, python: Python, installer: ReadyInstaller, sources: Sources, *, root: Path, further: Any
) -> str:
    """Digest what decides which versions are chosen: what is asked for by its text, whichever file or table has it.

    Args:
        root: of the project, which is asked for itself where the settings say so.
        further: what counts besides.
    """
    # Where it is the default it adds nothing: what earlier versions of ours have chosen stays.
    resolution = [settings.resolution] if settings.resolution != HIGHEST else []
    return digest_of(
        [
            *(SCHEMA, python.identity, installer.name, installer.arguments, installer.variables),
            None if sources.lock is None else [asked.text for asked in sources.lock],
            [asked.text for asked in sources.requirements],
            [asked.text for asked in sources.constraints],
            *(settings.project, str(root) if settings.project else None, sorted(settings.extras)),
            further,
            *resolution,
        ]
    )


class Copies:
    """What environments copy as it is: `files`, and one's own Dockerfile with its context.

    Each time that somebody asks, it is looked at anew, so that what has changed meanwhile counts; from any thread.
    """

    def __init__(self) -> None:
        self._digests = Digests()
        self._guard = threading.Lock()

    def of(self, files: Mapping[str, Path], key: str = "files") -> list[tuple[str, str, int]]:
        """Give the content and the mode of files, by their places.

        Args:
            key: that they come from; of a link in the context of a Dockerfile it counts where it leads.

        Raises:
            SettingsError: one is not there any more, or cannot be read.
        """
        with self._guard:
            try:
                return [(place, *self._state(path, follows=key == "files")) for place, path in sorted(files.items())]
            except OSError as error:
                raise SettingsError(f"{key}: {error.filename} cannot be read: {error.strerror}") from error

    def _state(self, path: Path, *, follows: bool) -> tuple[str, int]:
        status = path.stat() if follows else path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return f"link {path.readlink()}", 0
        return self._digests.of(path), stat.S_IMODE(status.st_mode)


def files_of(settings: Settings, root: Path) -> Mapping[str, Path]:
    """Give what is copied into a container, by its place there.

    Raises:
        SettingsError: a file does not exist.
    """
    files = {place: root / path for place, path in settings.files.items()}
    faults = sorted(
        f"files: {settings.files[place]} {'is no file' if path.exists() else 'does not exist'} "
        f"({settings.origins.get(f'files.{place}', settings.origins['files'])})"
        for place, path in files.items()
        if not path.is_file()
    )
    if faults:
        raise SettingsError("\n".join(faults))
    return files


class Sharing(NamedTuple):
    """What tests share a container by: the order that the engine was given, and all that its handle says of it.

    Attributes:
        declared: the identity of its settings; name: what they are called.
        key: of its image.
        project: of Compose beside it; None where there is none.
    """

    order: Order
    declared: str
    name: str | None
    key: str
    project: str | None
