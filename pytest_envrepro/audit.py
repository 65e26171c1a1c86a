"""The hooks' part of an audit: gives what was collected to `auditing`, and prints what that finds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.asking import Ask
from pytest_envrepro.auditing import Marked, Placed, audit
from pytest_envrepro.deciding import resolve_strict
from pytest_envrepro.options import MARKERS, registered_by_others
from pytest_envrepro.reports import audit as report
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.trials import Trials

if TYPE_CHECKING:
    from pytest_envrepro.session import Session


def run(session: pytest.Session, look: Session) -> None:
    """Audit the markers of what was collected, in the place of running it; one that lies fails the session.

    So does it in a strict session that nothing could be tried: that is no pass.

    Args:
        look: the look at the project.

    Raises:
        SettingsError: the configuration cannot be followed.
    """
    config = session.config
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    strict, _ = resolve_strict(config.option.env_strict, os.environ, look.config.strict)

    def tell(text: str) -> None:
        if reporter is not None and config.get_verbosity() >= 0:
            reporter.write_line(f"audit: {printable(text)}")

    given = config.invocation_params
    has_cache = config.pluginmanager.has_plugin("cacheprovider")
    trials = Trials(given.args, given.dir, os.environ, tell=tell, has_cache=has_cache)
    found = audit([_marked(item) for item in session.items], look, trials)
    if reporter is not None:
        reporter.write_sep("=", report.TITLE)
        for line in report.section(found, strict=strict):
            reporter.write_line(line.text, **({line.style: True} if line.style else {}))
    session.testsfailed += len(found.needless) or (strict and found.is_blind)
    if not found.rows:
        session.testscollected = 0  # To pytest that is a session without tests, which ends with 5.


def _marked(item: pytest.Item) -> Marked:
    """Give what an audit has to know of a test; markers are not ours that the suite has registered for itself."""
    names = MARKERS.keys() - registered_by_others(item.config)
    markers = tuple(
        Placed(Ask(mark.name, mark.args, tuple(mark.kwargs.items())), _file(node), _scope(node))
        for node, mark in item.iter_markers_with_node()
        if mark.name in names
    )
    return Marked(
        node_id=item.nodeid,
        markers=markers,
        file=_file(item),
        scope=_scope(item),
        fixtures=frozenset(getattr(item, "fixturenames", ())),
    )


def _file(node: Any) -> str:
    """Give the module of a test, a class or a module, relative to the project; nothing for a folder and a session."""
    if isinstance(node, pytest.Package):
        path = node.path / "__init__.py"
    else:
        module = node.getparent(pytest.File)
        if module is None:
            return ""
        path = module.path
    relative: str = os.path.relpath(path, node.config.rootpath)
    return relative.replace(os.sep, "/")


def _scope(node: Any) -> tuple[str, ...]:
    """Give the classes, and at last the function, that lead to a test in its module."""
    chain = [each for each in node.listchain() if isinstance(each, (pytest.Class, pytest.Function))]
    return tuple(getattr(each, "originalname", None) or each.name for each in chain)
