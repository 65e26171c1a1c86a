"""What an image is built from, and the key that all of it has: its recipe, and the files that lie in its context."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.imagebuilding import Wanted
from pytest_envrepro.images import (
    ENVIRONMENT,
    FILES,
    INSTALLING,
    WHEELS,
    Entry,
    Facts,
    Installation,
    entry,
    image,
    key_of_stage,
    packed,
    tag,
)
from pytest_envrepro.owning import entry_of_file
from pytest_envrepro.settings import DEFAULT
from pytest_envrepro.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_envrepro.grounding import Ground
    from pytest_envrepro.installers import Resolved
    from pytest_envrepro.installers.needs import Needs
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.provenance import Option
    from pytest_envrepro.settings import Settings


class Packages(NamedTuple):
    """What is to be installed into an image: None of it where nothing can be.

    Attributes:
        needs: what it takes to install what was chosen.
        project: this project's wheel.
        places: folders of this machine that packages are found in.
        options: what files of the settings tell an installer, and what their command has printed.
    """

    resolved: Resolved | None = None
    needs: Needs | None = None
    project: Path | None = None
    places: tuple[Path, ...] = ()
    options: tuple[Option, ...] = ()


def wanted_image(
    settings: Settings,
    ground: Ground,
    python: Python | None,
    packages: Packages,
    *,
    root: Path,
    certificates: Callable[[], tuple[Entry, ...]],
) -> Wanted:
    """Decide what an image is built from, and what its key is.

    Args:
        ground: what it begins with; python: that one's own.
        root: what the paths of files are relative to.
        certificates: gives those that its build is to trust.

    Raises:
        SettingsError: a Dockerfile cannot hold a setting.
    """
    facts = _facts(ground, python, packages)
    is_own = settings.own_dockerfile is not None and settings.origins["workdir"] == DEFAULT
    facts = facts._replace(
        bundle=settings.ca_bundle != "none" and bool(settings.run), workdir=ground.base.workdir if is_own else ""
    )
    entries = [*(certificates() if facts.bundle else ())]
    keyed: dict[str, str] = {}
    files = {place: root / path for place, path in settings.files.items()}
    if files:
        inner = [entry_of_file(place, path) for place, path in files.items()]
        entries.append(packed(FILES, inner, below=ENVIRONMENT if facts.python else facts.workdir or settings.workdir))
        keyed |= {f"{FILES}/{place}": _digest(path) for place, path in files.items()}
    needs, project = packages.needs, packages.project
    if needs is not None:
        entries += [_entry(f"{INSTALLING}/{name}", content) for name, content in needs.files.items()]
        keyed |= {f"{INSTALLING}/{name}": _digest(needs.files[name]) for name in needs.keyed}
    if project is not None:
        entries.append(entry_of_file(f"{WHEELS}/{project.name}", project))
        keyed[f"{WHEELS}/{project.name}"] = _digest(project)
    recipe = image(settings, facts, onto=ground.reference)
    key = key_of_stage(recipe, identity=ground.identity, platform=ground.image.platform, files=keyed)
    recipe = image(settings, facts._replace(key=key), onto=ground.reference)
    return Wanted(key, tag(settings.name or "", key), recipe, tuple(entries))


def _facts(ground: Ground, python: Python | None, packages: Packages) -> Facts:
    """Put together what is known of an image beside its settings."""
    needs, project = packages.needs, packages.project
    installation = None
    if needs is not None and (needs.commands or project is not None):
        installation = Installation(needs.pip, needs.commands, needs.variables, tuple(sorted(needs.arguments)))
    return Facts(
        base=ground.reference,
        python=python.executable if python else None,
        path=ground.base.environment.get("PATH", ""),
        user=ground.base.user,
        installation=installation,
        project=project.name if project else None,
        bundle=False,
        created_by=f"pytest-envrepro {VERSION}",
    )


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return f"{digest_of_file(content)} {os.access(content, os.X_OK)}"


def _entry(place: str, content: bytes | Path) -> Entry:
    return entry(place, content) if isinstance(content, bytes) else entry_of_file(place, content)
