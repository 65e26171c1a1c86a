"""What is in an image, remembered by its key: the same key that comes to something else later has drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.cache import VerdictCache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.envs.installed import Installed

_KEPT = 512
_MOST = 20  # Lines.


def manifest_of(installed: Installed) -> dict[str, str]:
    """Give all that is installed, by what it is: `package flask`, `apt libc6`, `python`."""
    found = {"python": installed.interpreter.version}
    found |= {f"package {name}": str(package) for name, package in installed.items()}
    apt = installed.apt if installed.has_apt else {}
    return found | {f"apt {name}": version for name, version in apt.items()}


class Manifests:
    """The manifests of images.

    Args:
        cache: the user's cache folder.
    """

    def __init__(self, cache: Path) -> None:
        self._memory = VerdictCache(cache, room="manifests", kept=_KEPT)

    def compared(self, key: str, manifest: Mapping[str, str]) -> tuple[str, ...]:
        """Compare an image with the one that was built of the same key before, and remember the new one.

        Returns:
            what has moved, a line each.
        """
        known = self._memory.get(key)
        self._memory.put(key, {"manifest": dict(manifest)})
        before: Mapping[str, str] = known["manifest"] if known else manifest
        moved = [
            f"{name}: {before.get(name, 'not there')} before, {manifest.get(name, 'not there')} now"
            for name in sorted(before.keys() | manifest.keys())
            if before.get(name) != manifest.get(name)
        ]
        more = [f"and {len(moved) - _MOST} more"] if len(moved) > _MOST else []
        return (*moved[:_MOST], *more)
