"""Makes an environment several times from nothing, and asserts that it comes out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_envrepro.declaring import settings_of_call
from pytest_envrepro.envs.reproducing import assert_same
from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.late import current_config, load_lending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.settings import Settings

_FEWEST = 2


def assert_reproducible(
    settings: str | Settings | Mapping[str, Any] | None = None, *, times: int = _FEWEST, **further: Any
) -> None:
    """Assert that an environment comes out the same, however often it is made.

    Each time versions are chosen anew and everything is installed anew; nothing that was made before is taken, and
    nothing stays. It takes as long as that takes.

    Args:
        settings: the name of an environment of the table, or settings.
        times: how often it is made.
        further: settings that go over those, in `snake_case`.

    Raises:
        AssertionError: they differ; what differs is named, and beside it what differs and says nothing.
        SettingsError, LockError, BuildError, InterpreterNotFound: it cannot be made.
        TypeError: nothing is named.
        RuntimeError: there is no session of pytest.
    """
    __tracebackhide__ = True
    if settings is None and not further:
        raise TypeError(
            "assert_reproducible() has nothing to make: name an environment of the table, or give settings "
            "(requirements=[...])"
        )
    if times < _FEWEST:
        raise ValueError(f"times={times}: to be compared, it has to be made twice or more")
    try:
        lending = load_lending(current_config())
        with lending.skipping():
            plan = lending.plan(lambda named: settings_of_call("assert_reproducible(...)", settings, further, named))
        with lending.afresh(plan, times) as made:
            assert_same(made)
    except (AssertionError, EnvReproError) as error:  # To the one who asked, its message is all.
        raise error.with_traceback(None) from None
