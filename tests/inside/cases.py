"""All tests that end alike here and in an environment: a project of them, for what runs them."""

from __future__ import annotations

import sys

import pytest
from inside import asserted, ended, given, importing, raising, shaped, words, written
from inside.sessions import RECORDER

# What pytest says in other words than before, or in other places: since when.
SINCE = {
    "8.4": {
        "test_asserted.py": "test_calls",
        "test_differing.py": "test_asynchronous",
        "test_shaped.py": "TestMethods::test_method TestDerived::test_twice",
        "test_words.py": "test_a_group test_a_group_within_a_group test_in_except_star",
    },
    "9.2": {
        "test_ended.py": "test_raises_nothing test_raises_other_words test_warns_other_words test_xfail_not_run",
        "test_words.py": "test_raises_nothing",
    },
}
# What exceptiongroup, which pytest needs on Python 3.10, adds there: "Did you mean ...?".
_ADDED = {"test_words.py": "test_an_attribute test_an_attribute_of_a_value test_of_a_class"}
_OF_ALL = {
    "conftest.py": RECORDER + given.CONFTEST + shaped.CONFTEST,
    "helper.py": raising.HELPER,
    "starred.py": shaped.STARRED,
    "wrong.py": words.WRONG,
    **raising.PACKAGE,
    "test_asserted.py": asserted.TESTS,
    "test_ended.py": ended.TESTS,
    "test_given.py": given.TESTS,
    "test_importing.py": importing.TESTS,
    "test_raising.py": raising.TESTS,
    "test_shaped.py": shaped.TESTS,
    "test_written.py": written.TESTS,
}


def files(*, is_same: bool) -> dict[str, str]:
    """Give the files of the project, by their names.

    Args:
        is_same: whether they are to run in a Python of this one's version.
    """
    if not is_same:
        return _OF_ALL
    return {**_OF_ALL, "test_words.py": words.TESTS + (words.GROUPS if sys.version_info >= (3, 11) else "")}


def left_out() -> list[str]:
    """Give the options that leave out what this pytest says in other words."""
    later = [
        changed for since, changed in SINCE.items() if pytest.version_tuple[:2] < tuple(map(int, since.split(".")))
    ]
    if sys.version_info < (3, 11):
        later.append(_ADDED)
    return [
        f"--deselect={file}::{name}" for changed in later for file, names in changed.items() for name in names.split()
    ]
