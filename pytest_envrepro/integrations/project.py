"""The project's own integrations: those of its table, and its extras and dependency groups by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.integrations.base import Integration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.integrations.base import Surroundings


class ProjectProvider:
    """What the project declares."""

    prefix = ""

    def names(self, around: Surroundings) -> Iterable[str]:
        """Give the names of the table, as written there, and those of extras and groups."""
        others = (around.groups | around.extras) - around.declared.keys()
        return [*(each.name for each in around.declared.values()), *others]

    def get(self, name: str, around: Surroundings) -> Integration | None:
        """Give what the table declares; else what is called so: an extra, a group, or both together."""
        canonical = canonicalize_name(name)
        if canonical in around.declared:
            return around.declared[canonical]
        groups = (canonical,) if canonical in around.groups else ()
        extras = (canonical,) if canonical in around.extras else ()
        if not (groups or extras):
            return None
        kinds = " and ".join([*(["a dependency group"] if groups else []), *(["an extra"] if extras else [])])
        return Integration(name=canonical, groups=groups, extras=extras, declared_in=f"{kinds} of this project")
