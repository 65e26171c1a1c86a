"""A provider of another distribution: what it raises is told with its name, and hides no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations.base import Integration, Need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.integrations.base import Provider, Surroundings


class Guarded:
    """Asks a provider, and lets nothing but a `SettingsError` out of it.

    Args:
        words: who it is, for people.
    """

    def __init__(self, provider: Provider, words: str) -> None:
        self._provider = provider
        self._words = words
        self.prefix = provider.prefix

    def names(self, around: Surroundings) -> Iterable[str]:
        """Give the names that it knows.

        Raises:
            SettingsError: it raises, or gives something else.
        """
        try:
            return [_text(name) for name in self._provider.names(around)]
        except SettingsError:
            raise
        except Exception as error:
            raise SettingsError(f"{self._words} cannot tell its names: {error!r}") from error

    def get(self, name: str, around: Surroundings) -> Integration | None:
        """Give one of them.

        Raises:
            SettingsError: it raises, or gives something else.
        """
        try:
            found = _integration(self._provider.get(name, around))
        except SettingsError:
            raise
        except Exception as error:
            raise SettingsError(f"{self._words} cannot tell '{self.prefix}{name}': {error!r}") from error
        return found


def ask(question: Callable[[Surroundings], Need], around: Surroundings, name: str) -> Need:
    """Ask what only code can judge; where that raises, it is a need that is not met, and says so.

    Args:
        name: of the integration that asks.
    """
    try:
        need = _need(question(around))
    except SettingsError as error:
        return Need(name, None, met=False, why=f"is not judged: {error}")
    except Exception as error:  # noqa: BLE001  # Another's code, which may raise anything: it is told.
        return Need(name, None, met=False, why=f"is not judged: its provider raises {error!r}")
    return need


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"gives {name!r}, which is no name")
    return name


def _integration(found: object) -> Integration | None:
    if found is not None and not isinstance(found, Integration):
        raise TypeError(f"gives {found!r}, which is no Integration")
    return found


def _need(found: object) -> Need:
    if not isinstance(found, Need):
        raise TypeError(f"gives {found!r}, which is no Need")
    return found
