"""Loads what acts on markers and lends environments, when a session first needs it."""

from __future__ import annotations

import contextlib
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.machinery import ModuleSpec

    from pytest_envrepro.errors import SettingsError
    from pytest_envrepro.inside import Inside
    from pytest_envrepro.lending import Lending
    from pytest_envrepro.markers import Markers
    from pytest_envrepro.multiplying import Multiplying
    from pytest_envrepro.returning import Returning
    from pytest_envrepro.session import Session

_LENDING = "envrepro-lending"  # The plugin that lends environments.
_RETURNING = "envrepro-returning"  # The one that takes them back.
_HOLDING = "envrepro-holding"  # The one that knows who asks.
_INSIDE = "envrepro-inside"  # The one that runs tests in their environments.
_EXPLAINING = "envrepro-explaining"  # The one that says what differs between two.
_MARKERS = "envrepro-markers"  # The one that acts on markers.
SKIPPED = pytest.StashKey[dict[str, str]]()  # The modules that are skipped as a whole, by node id, and why.
_CONFIGS: list[pytest.Config] = []  # Of the sessions of this process: one may run within a test of another.


def session_begins(config: pytest.Config) -> None:
    """Note that a session begins, for functions that are given none."""
    _CONFIGS.append(config)


def session_ends(config: pytest.Config) -> None:
    """Note that a session ends."""
    if config in _CONFIGS:
        _CONFIGS.remove(config)


def current_config() -> pytest.Config:
    """Give the session that is at work.

    Raises:
        RuntimeError: there is none.
    """
    if not _CONFIGS:
        raise RuntimeError("this works in a session of pytest alone, with the plugin pytest-envrepro")
    return _CONFIGS[-1]


def loaded_markers(config: pytest.Config) -> Markers | None:
    """Give what acts on markers, if it is there."""
    markers: Markers | None = config.pluginmanager.get_plugin(_MARKERS)
    return markers


def load_markers(config: pytest.Config) -> Markers:
    """Give what acts on markers; its import is what sessions without them are spared."""
    markers = loaded_markers(config)
    if markers is None:
        with _in_bulk():
            from pytest_envrepro.markers import Markers  # noqa: PLC0415

        markers = Markers(config)
        config.pluginmanager.register(markers, _MARKERS)
    return markers


def loaded_lending(config: pytest.Config) -> Lending | None:
    """Give what lends environments, if it is there."""
    lending: Lending | None = config.pluginmanager.get_plugin(_LENDING)
    return lending


def load_lending(config: pytest.Config) -> Lending:
    """Give what lends environments; its import is what sessions without our fixtures are spared.

    Raises:
        SettingsError: something that it takes is not installed, as after an installation without dependencies.
    """
    lending = loaded_lending(config)
    if lending is None:
        try:
            with _in_bulk():
                from pytest_envrepro.explaining import Explaining  # noqa: PLC0415
                from pytest_envrepro.lending import Lending  # noqa: PLC0415
                from pytest_envrepro.returning import Returning  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("pytest_envrepro"):
                raise
            name = error.name.partition(".")[0].replace("_", "-")
            raise _settings_error()(
                f"environments for tests take '{name}', which is not installed: pip install {name}"
            ) from error
        lending = Lending(config, load_markers(config), _load_inside)
        config.pluginmanager.register(lending, _LENDING)
        config.pluginmanager.register(lending.holding, _HOLDING)
        config.pluginmanager.register(Returning(lending), _RETURNING)
        config.pluginmanager.register(Explaining(), _EXPLAINING)
    return lending


def load_returning(config: pytest.Config) -> Returning:
    """Give what takes environments back, and tells of them at the end."""
    load_lending(config)
    returning: Returning | None = config.pluginmanager.get_plugin(_RETURNING)
    if returning is None:
        raise RuntimeError(f"the plugin {_RETURNING} is blocked")
    return returning


def are_known(names: Iterable[str]) -> bool:
    """Tell whether names of keyword arguments of the marker `environment` are keys."""
    from pytest_envrepro.settingkeys import are_known as known  # noqa: PLC0415

    return known(names)


def _load_inside(lending: Lending) -> Inside:
    """Give what runs functions in environments; its import is what sessions without them are spared."""
    # Not as it is installed: it has comparisons that pytest is to explain.
    pytest.register_assert_rewrite("pytest_envrepro.comparisons")
    import pytest_envrepro.comparisons  # noqa: F401, PLC0415

    with _in_bulk():
        from pytest_envrepro.inside import Inside  # noqa: PLC0415

    inside = Inside(lending)
    lending.config.pluginmanager.register(inside, _INSIDE)
    return inside


def load_multiplying(metafunc: pytest.Metafunc) -> Multiplying:
    """Give what makes tests of matrices; its import is what sessions without one are spared."""
    with as_installed():
        from pytest_envrepro.multiplying import Multiplying  # noqa: PLC0415
    return Multiplying(metafunc)


def load_audit() -> Callable[[pytest.Session, Session], None]:
    """Give what audits markers, which starts programs: its import is what other sessions are spared."""
    with as_installed():
        from pytest_envrepro.audit import run  # noqa: PLC0415
    return run


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Let pytest show what the user did wrong, as it shows its own errors."""
    settings_error = _settings_error()
    try:
        yield
    except settings_error as error:
        raise pytest.UsageError(_printable(error)) from None


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """Fail a test, without a traceback of ours, for what the user did wrong."""
    settings_error = _settings_error()
    try:
        yield
    except settings_error as error:
        raise pytest.fail.Exception(_printable(error), pytrace=False) from None


def told_by_tests() -> contextlib.AbstractContextManager[None]:
    """Say nothing of what the user did wrong: each test that is concerned will."""
    return contextlib.suppress(_settings_error())


def _settings_error() -> type[SettingsError]:
    with as_installed():
        from pytest_envrepro.errors import SettingsError  # noqa: PLC0415
    return SettingsError


def _printable(error: SettingsError) -> str:
    from pytest_envrepro.reports.wording import printable  # noqa: PLC0415

    return "\n".join(map(printable, str(error).split("\n")))


@contextlib.contextmanager
def as_installed() -> Iterator[None]:
    """Import our own modules as they were compiled when they were installed.

    pytest rewrites the assertions in all modules of a plugin, and compiles them anew in a fresh environment or where no
    bytecode is written, as in most containers: that takes longer than all the checks do, and there is no assertion.
    """
    finder: Any = _OurModules
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextlib.contextmanager
def _in_bulk() -> Iterator[None]:
    """Import many of our own modules, `as_installed`; what they make stays, and is no garbage."""
    with as_installed():
        from pytest_envrepro.garbage import no_collection  # noqa: PLC0415

        with no_collection():
            yield


class _OurModules:
    """Finds the modules of this package, before pytest's finder does."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, path, target) if name.startswith("pytest_envrepro.") else None
