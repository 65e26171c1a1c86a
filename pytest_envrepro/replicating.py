"""What `replicate-local` stands for: what is installed where pytest runs, or the requirements that a command prints."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_envrepro.childenv import for_tools
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers import Asked, offline_variables
from pytest_envrepro.process import NotStartedError, TimedOutError, run
from pytest_envrepro.requirement import parse
from pytest_envrepro.toolwords import last_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.inventory import Distribution, Inventory
    from pytest_envrepro.session import Session

_TIMEOUT = 300.0  # Seconds: `poetry export` takes one or two, and may have to ask an index.
_LONGEST = 80  # Characters of a command, where it is told that it runs.
_NEVER = "pytest-envrepro"
_UNASKED = frozenset({"pip", "setuptools", "wheel", "distribute"})  # `pip freeze` leaves them out too.


def installed_here(inventory: Inventory) -> Iterator[Asked]:
    """Give what is installed here, pinned, as `pip freeze` lists it.

    What is editable is left out: the project under development has its own word, `project`. What `pip freeze` leaves
    out is so too, unless something that is given needs it: a version of the day would come with that.
    """
    given = {name: each for name, each in inventory.distributions.items() if _is_given(name, each)}
    needed = _UNASKED & set(_needed(given, inventory.interpreter.environment))
    for name in sorted((given.keys() - _UNASKED) | (needed & given.keys())):
        source = given[name].source
        if source is None:
            yield Asked(f"{name}=={given[name].version}", "what is installed here")
        else:
            commit = f"@{source.commit}" if source.commit else ""
            yield Asked(f"{name} @ {source.url}{commit}", "what is installed here")


def _is_given(name: str, distribution: Distribution) -> bool:
    return name != _NEVER and not (distribution.source is not None and distribution.source.editable)


def _needed(given: Mapping[str, Distribution], environment: Mapping[str, str]) -> Iterator[str]:
    """Give the names that those need which are given in any case, and that these need in turn.

    Args:
        environment: the marker variables of the Python here.
    """
    waiting = [name for name in given if name not in _UNASKED]
    seen = set(waiting)
    while waiting:
        for text in given[waiting.pop()].requires:
            try:
                requirement = parse(text)
            except ValueError:
                continue  # The tool that installs it has the better words for it.
            name = requirement.name or ""
            if requirement.applies(environment):
                yield name
                if name in given and name not in seen:
                    seen.add(name)
                    waiting.append(name)


def printed(
    command: tuple[str, ...], name: str | None, session: Session, *, offline: bool, tell: Callable[[str], None]
) -> bytes:
    """Give what a command of an environment prints: it runs once in a session, whoever asks.

    Args:
        name: of the environment; None where it has none.
        offline: whether it is told to leave the network alone.
        tell: is told that it runs.

    Raises:
        BuildError: it fails.
    """
    return session.printed.of((name, command), partial(_run, command, session, offline=offline, tell=tell))


def _run(command: tuple[str, ...], session: Session, *, offline: bool, tell: Callable[[str], None]) -> bytes:
    shown = redact(" ".join(command))
    tell(f"running `{shown if len(shown) <= _LONGEST else f'{shown[: _LONGEST - 3]}...'}`, as replicate-local has it")
    environ = for_tools(session.tool_environ) | (offline_variables() if offline else {})
    try:
        done = run(command, cwd=session.root, environ=environ, timeout=_TIMEOUT)
    except NotStartedError as error:
        raise BuildError(f"replicate-local: {error}") from error
    except TimedOutError as error:
        raise BuildError(f"replicate-local: `{shown}` {error}") from error
    if done.returncode:
        said = last_words(done.stderr or done.stdout)
        raise BuildError(f"replicate-local: `{shown}` ended with {done.returncode}: {said}")
    return done.stdout.encode()
