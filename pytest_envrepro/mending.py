"""Mends broken locks: runs their recorded commands on copies, lower layers first, and puts each result in place at once."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pytest_envrepro.checks import doubtful
from pytest_envrepro.compilers import RefusedError, compiler_of, has_upgrades
from pytest_envrepro.digests import is_unchanged
from pytest_envrepro.reports import Mended
from pytest_envrepro.selection import select
from pytest_envrepro.workspace import alone
from pytest_envrepro.writing import put_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pytest_envrepro.compiling import Compiled
    from pytest_envrepro.model import Lock
    from pytest_envrepro.session import Session

_MENDABLE = ("lock", "recompile")
_NO_CHANGE = ("no pin has changed",)


def mend(
    look: Callable[[], Session], tell: Callable[[str], None], named: tuple[str, ...] = ()
) -> tuple[Session, tuple[Mended, ...]]:
    """Mend every lock that is broken, until none is left that was not tried.

    A lock that rests on another may be broken by what that one becomes: so there is a new look after each.

    Args:
        look: gives a session that has read nothing yet.
        tell: is told what takes its time.
        named: what the command line names: where that is checks alone, their locks and those that these rest on are meant.

    Returns:
        the last look, and what was done about each broken lock, in this order.
    """
    done: dict[str, Mended] = {}
    session = look()
    name = f"mend-{hashlib.sha256(os.fsencode(session.root)).hexdigest()[:16]}"
    with alone(session.cache_folder, name):
        session = look()  # Another session may have mended meanwhile.
        while True:
            path = _next(session, done.keys(), named)
            if path is None:
                return session, tuple(done.values())
            done[path] = _mend(session, path, tell)
            if done[path].reason is None:
                session = look()
                done[path] = _judged(session, done[path])
                tell(f"{path} is {'mended' if done[path].reason is None else 'not mended'}")


def _next(session: Session, done: Collection[str], named: tuple[str, ...]) -> str | None:
    """Give the first broken lock that was not tried: the lowest, by the cheapest check that finds one."""
    meant = _meant(session, named)
    for check in _MENDABLE:
        ids = [each for each in session.plan if each.check == check and each.subject in meant - set(done)]
        broken = {result.subject for result in session.judge(ids) if result.outcome.status == "broken"}
        path = next((path for path in _layered(session.facts.locks) if path in broken), None)
        if path is not None:
            return path
    return None


def _meant(session: Session, named: tuple[str, ...]) -> set[str]:
    """Give the locks that may be mended: nothing else of the user's is written."""
    locks = session.facts.locks
    waiting = [each.subject for each in select(session.plan, named)]
    meant: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in locks and path not in meant:
            meant.add(path)
            waiting += locks[path].rests_on
    return meant


def _layered(locks: Mapping[str, Lock]) -> list[str]:
    """Order locks so that each comes after those that it rests on; in a circle, by name."""
    ordered: list[str] = []

    def visit(path: str, trail: tuple[str, ...]) -> None:
        if path not in ordered and path not in trail:
            for other in sorted(locks[path].rests_on & locks.keys()):
                visit(other, (*trail, path))
            ordered.append(path)

    for path in sorted(locks):
        visit(path, ())
    return ordered


def _judged(session: Session, mended: Mended) -> Mended:
    """Say of a lock that was written again with the same pins whether it is broken still."""
    (lock_check,) = session.judge(each for each in session.plan if each == (mended.path, "lock"))
    if mended.changes != _NO_CHANGE or lock_check.outcome.status != "broken":
        return mended
    lock = session.facts.locks[mended.path]
    other = f": `{lock.relock}` resolves anew, and may upgrade" if lock.relock else ""
    return Mended(mended.path, f"its command changes no pin of it, and it is broken still{other}")


def _mend(session: Session, path: str, tell: Callable[[str], None]) -> Mended:
    """Compile one lock, and put the result in its place; where anything fails, the lock is left as it was."""
    target = session.root / path
    try:
        compiled, changes = _compiled(session, path, tell)
        data = compiled.data
        if not os.access(target, os.W_OK):
            return Mended(path, "it is read-only")
        if not is_unchanged(session.root, compiled.read):
            return Mended(path, "it, or what it is compiled from, was changed meanwhile")
        if target.read_bytes() == data:
            return Mended(path, "its command leaves it as it is")
        put_whole(target, data, session.cache_folder)
    except RefusedError as error:
        return Mended(path, str(error))
    except OSError as error:
        return Mended(path, f"it cannot be written: {error.strerror or error}")
    return Mended(path, None, changes or _NO_CHANGE)


def _compiled(session: Session, path: str, tell: Callable[[str], None]) -> tuple[Compiled, tuple[str, ...]]:
    """Give what a lock's command makes of it, and what changes by that.

    Raises:
        RefusedError: it is not run, it fails, or it does what nobody can want.
    """
    lock = session.facts.locks[path]
    compiled = session.recompiler(session.facts.locks, tell).compile(path)
    new = session.read_as(path, compiled.data)
    if new.partial is not None:
        raise RefusedError(f"what its command has written cannot be read: {new.partial}")
    changes, unexplained = doubtful(lock, new, session.facts.offline(path))
    is_meant = lock.recipe is not None and lock.recipe.is_trusted and has_upgrades(lock.recipe)
    if lock.recipe is not None and not compiler_of(lock.recipe.tool).keeps:
        # It brings later versions with what it adds. An earlier one is what an index that is down looks like, and what is
        # left out may be needed by a package that stays, where the lock does not tell.
        is_told = any(pin.requires is not None for pin in new.pins)
        unexplained = [change for change in unexplained if change.is_older or (change.new is None and not is_told)]
    if unexplained and not is_meant:
        said = f" ({'; '.join(compiled.said)})" if compiled.said else ""
        raise RefusedError(
            f"its command would also change what nothing explains: {'; '.join(map(str, unexplained))}{said}. Is an "
            "index down, a release gone, or the lock of another platform or Python? If it is meant, run it by hand"
        )
    return compiled, tuple(map(str, changes))
