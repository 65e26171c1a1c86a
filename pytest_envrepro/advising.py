"""Makes one command of all those that mend what a test lacks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 10  # Needs, or packages, in one line of the summary.
_INSTALL = "pip install "
_SYNC = "uv sync "


def together(fixes: Iterable[str], *, export: str | None = None) -> str:
    """Make one command of several that install packages; what else would do all of that follows.

    Args:
        export: the name by which `--env-export` gives the packages, where they are too many for a line.
    """
    packages: dict[str, str] = {}  # With what may stand in the place of each: `--group docs`, `'.[fast]'`.
    by_uv: dict[str, None] = {}
    commands: list[str] = []
    for fix in fixes:
        command, _, instead = fix.partition(", or ")
        if command.startswith(_SYNC) and not command.startswith(f"{_SYNC}--reinstall"):
            by_uv[command.removeprefix(_SYNC)] = None
        elif command.startswith(_INSTALL) and not command.startswith(f"{_INSTALL}-"):
            packages[command.removeprefix(_INSTALL)] = instead
        else:
            commands.append(command)
    # First of all uv, which takes away what it did not install.
    synced = [_SYNC + " ".join(by_uv)] if by_uv else []
    others = dict.fromkeys(instead or package for package, instead in packages.items())
    has_others = any(packages.values())
    one_by_one = [_INSTALL + " ".join(packages)] if packages else []
    if len(packages) > MOST:
        if has_others and len(others) <= MOST:
            one_by_one, has_others = [_INSTALL + " ".join(others)], False
        elif export is not None:
            one_by_one = [f"pytest --env-export {shlex.quote(export)} > needs.txt", f"{_INSTALL}-r needs.txt"]
            has_others = False
        else:
            one_by_one, has_others = [], False
    joined = " && ".join([*synced, *one_by_one, *commands])
    # What stands behind the "or" has to bring all that stands before it.
    return f"{joined}, or {' '.join(others)}" if has_others and not (synced or commands) else joined
