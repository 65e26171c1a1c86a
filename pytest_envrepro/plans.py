"""An environment as it is planned: what it is made of, and how."""

from __future__ import annotations

import hashlib
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.settingkeys import HIGHEST, KEYS
from pytest_envrepro.settings import DEFAULT
from pytest_envrepro.settingtext import is_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.deciding import Keep
    from pytest_envrepro.images import Rot
    from pytest_envrepro.installers import ReadyInstaller, Sources
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.settings import Settings

SCHEMA = 1  # Of keys: another one leaves all that was made before aside.
_MOST_NAMED = 3  # Requirements, in the title of what has no name.


class Policy(NamedTuple):
    """What decides how environments are made, and not which: none of it is part of a key.

    Attributes:
        offline: whether the network is never touched.
        since: what was made before this time is made again (seconds since the epoch); None to take all that is there.
        keep: which private environments survive the session.
        timeout: of one program that resolves or installs, in seconds.
        written: files and folders that this session writes, such as its reports: they are nobody's source.
        run: a word that the workers of one run of pytest-xdist share, each of which tells what it is at; else empty.
        workers: how many processes of this run use environments side by side.
    """

    offline: bool = False
    since: float | None = None
    keep: Keep = "failed"
    timeout: float = 1800.0
    written: tuple[Path, ...] = ()
    run: str = ""
    workers: int = 1


class Plan(NamedTuple):
    """An environment, as far as it is known without making anything.

    Attributes:
        identity: tells it from every other one. What it is called, and who declares it, is no part of it.
        files: what is copied into it, by the place there.
        folders: of what was built in the place of a folder, the folder's URL by the canonical name.
    """

    settings: Settings
    python: Python
    sources: Sources
    installer: ReadyInstaller
    identity: str
    files: Mapping[str, Path] = MappingProxyType({})
    folders: Mapping[str, str] = MappingProxyType({})

    @property
    def title(self) -> str:
        """What people know it by, before it is made: its name, else what it is made of."""
        if self.settings.name:
            return self.settings.title or ""
        asked = [redact(each.text) for each in self.sources.requirements]
        more = f" and {len(asked) - _MOST_NAMED} more" if len(asked) > _MOST_NAMED else ""
        made_of = self.settings.lock or f"{', '.join(asked[:_MOST_NAMED])}{more}"
        resolution = self.settings.resolution if self.settings.resolution != HIGHEST else None
        given = ", ".join(filter(None, (self.settings.python, resolution)))
        title = f"{self.settings.kind} of {made_of}" if made_of else f"empty {self.settings.kind}"
        return f"{title} ({given})" if given else title


class ContainerPlan(NamedTuple):
    """A container environment, as far as it is known without an engine.

    Attributes:
        reference: the image that it begins with.
        apt_packages: those of the settings, and of their integrations.
        identity: tells it from every other one.
        rots: what of its settings will mean another environment later.
    """

    settings: Settings
    reference: str
    apt_packages: tuple[str, ...]
    identity: str
    rots: tuple[Rot, ...] = ()

    @property
    def title(self) -> str:
        """What people know it by."""
        return self.settings.title or f"container of {self.reference}"

    @property
    def work(self) -> str:
        """What it is called while it is made, beside others of its name: with the settings that the table does not have."""
        origins = self.settings.origins
        own = [key for key in KEYS if origins[key] != DEFAULT and not is_of_table(origins[key])]
        is_named = self.settings.name is not None and self.settings.name == self.settings.title
        return f"{self.title} ({', '.join(own)})" if is_named and own else self.title


def digest_of(decisive: Sequence[Any]) -> str:
    """Digest plain JSON types, and mappings and named tuples of them; the order of a mapping's keys does not count."""
    return hashlib.sha256(json.dumps(decisive, default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Give a mapping that is no dictionary as one: as a list it would be its keys alone."""
    return dict(value) if hasattr(value, "keys") else list(value)
