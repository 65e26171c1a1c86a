"""Fixtures that are of the process that runs pytest: no body elsewhere can have them, and what it can have instead."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = "the body runs in the environment itself: use sys.executable and subprocess there, or leave inside=True out"
_RECORDED = "record it in a fixture that the test uses"
_PATCHES = "patch in the body, with unittest.mock or with monkeypatch, which works there"
_ANOTHER = "make another environment in a fixture, and give the body what it is to know of that"
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "request": "have a fixture ask it, and give the body what it says, as a name or a parameter",
        "pytestconfig": "have a fixture ask it, and give the body what it says, as an option",
        "cache": "have a fixture read and write it",
        "tmpdir": "use tmp_path",
        "tmp_path_factory": "use tmp_path",
        "tmpdir_factory": "use tmp_path",
        "capteesys": "use capsys",
        "subtests": "parametrise the test",
        "pytester": "run pytest in a test without inside=True",
        "testdir": "run pytest in a test without inside=True",
        "benchmark": "time the body there, with time.perf_counter()",
        **dict.fromkeys(("record_property", "record_xml_attribute", "record_testsuite_property"), _RECORDED),
        **dict.fromkeys(("mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"), _PATCHES),
        "environment": _OURS,
        **dict.fromkeys(("environments", "throwaway_venv", "throwaway_container"), _ANOTHER),
    }
)
_PACKAGES = ("_pytest", "pytest_mock", "pytest_benchmark", "pytest_subtests", "pytest_envrepro")


def refuse_unfit(values: Mapping[str, Any], label: str) -> None:
    """Refuse fixtures by these names that come from where these names are known from; one of the user's own may be plain.

    Raises:
        RefusedError: there is one; it says what to do.
    """
    for name, value in values.items():
        if name in _INSTEAD and _package(value) in _PACKAGES:
            raise RefusedError(
                f"fixture '{name}' is of the process that runs pytest, and cannot travel into {label}: {_INSTEAD[name]}"
            )


def _package(value: object) -> str:
    """Give the package that an object's class is of, or a function itself."""
    module = getattr(value, "__module__", None) if callable(value) else type(value).__module__
    return str(module).partition(".")[0]
