"""The hooks of a session that explains or audits what was collected, in the place of running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.declarations import declares
from pytest_envrepro.late import SKIPPED, load_audit, load_lending, load_markers, usage_errors
from pytest_envrepro.options import borrowed

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_envrepro.reports import Foreseen


class Answering:
    """Collects, and then answers."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Let a module that is skipped as a whole be explained: to pytest a test of it is one that does not exist."""
        try:
            return (yield)
        except pytest.UsageError:
            if session.config.stash[SKIPPED] and session.config.getoption("env_explain"):
                return None
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Explain, or audit."""
        config = session.config
        if session.testsfailed:
            return None
        if config.getoption("env_audit") and not config.option.collectonly:
            with usage_errors():
                load_audit()(session, load_markers(config).wanted().session)
            return True
        if not config.getoption("env_explain"):
            return None
        skipped = config.stash[SKIPPED]
        with usage_errors():
            load_markers(config).explain(session.items, skipped, _foresee)
        return True


def _foresee(item: pytest.Item) -> tuple[Foreseen, ...]:
    """Say which environments a test would be given."""
    return load_lending(item.config).foresee(item) if borrowed(item) or declares(item) else ()
