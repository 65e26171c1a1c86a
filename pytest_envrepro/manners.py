"""How a body runs elsewhere: as the options, settings and marks of the session that runs here say."""

from __future__ import annotations

import logging
import random
import re
from typing import TYPE_CHECKING, Any

from pytest_envrepro.calling import Manner
from pytest_envrepro.covered import measuring, wanted

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_MOST = {0: 240, 1: 2400}  # Characters of a value in an explanation, by verbosity, as pytest 9.2 has it.


def manner_of(config: pytest.Config, item: pytest.Item | None, beside: Path) -> Manner:
    """Give how the body of a test runs, or a function that is called where no test is at work.

    Args:
        beside: the folder whose modules travel as source.
    """
    option = config.option
    # pytest 8.0 has one verbosity for all.
    of_assertions = getattr(config, "VERBOSITY_ASSERTIONS", None)
    verbosity = config.get_verbosity(*([of_assertions] if of_assertions else []))
    level = _level(getattr(option, "log_level", None) or _ini(config, "log_level") or None)
    measured = measuring()
    return Manner(
        most=_MOST.get(max(0, verbosity)),
        with_locals=bool(getattr(option, "showlocals", False) or getattr(option, "usepdb", False)),
        filters=tuple(_filters(config, item)),
        log_level=logging.getLogger().level,  # What was said, or what a fixture has made of it.
        # pytest-randomly has just made it what it is to be in this test.
        randomness=None if getattr(option, "randomly_seed", None) is None else random.getstate(),
        verbosity=verbosity,
        detail=config.get_verbosity(),
        logging=_logging(config, level),
        coverage=None if measured is None else wanted(measured, config.rootpath, beside),
    )


def _ini(config: pytest.Config, name: str) -> Any:
    """Give a setting; None where the plugin that has it is not there."""
    try:
        return config.getini(name)
    except ValueError:
        return None


def _logging(config: pytest.Config, level: int | None) -> dict[str, Any]:
    """Give how the session writes what is logged, where that was said."""
    told = {"format": _ini(config, "log_format"), "dates": _ini(config, "log_date_format"), "level": level}
    return {name: value for name, value in told.items() if value is not None}


def _level(level: Any) -> int | None:
    if level is None:
        return None
    number = logging.getLevelName(str(level).upper())
    return number if isinstance(number, int) else int(level)


def _filters(config: pytest.Config, item: pytest.Item | None) -> list[tuple[Any, ...]]:
    """Give the filters of warnings as `warnings.filterwarnings` takes them: of the settings, the command line, the marks."""
    given = [(each, False) for each in config.getini("filterwarnings")]
    given += [(each, True) for each in getattr(config.known_args_namespace, "pythonwarnings", None) or ()]
    if item is not None:
        of_marks = [mark.args for mark in item.iter_markers("filterwarnings")]
        given += [(each, False) for args in reversed(of_marks) for each in args]
    return [_filter(text, is_plain=is_plain) for text, is_plain in given]


def _filter(text: str, *, is_plain: bool) -> tuple[Any, ...]:
    """Read `action:message:category:module:line`; pytest has refused by then what cannot be read."""
    action, message, category, module, line = (each.strip() for each in (text.split(":", 4) + [""] * 4)[:5])
    where, _, name = category.rpartition(".")
    if is_plain:
        message, module = re.escape(message), re.escape(module) + r"\Z" if module else ""
    actions = ("default", "error", "ignore", "always", "module", "once")
    full = next((each for each in actions if each.startswith(action or "default")), "default")
    return full, message, (where or "builtins", name or "Warning"), module, int(line or 0)
