"""The lock makes one environment, today and every other day, and what it makes works."""

import pytest

from pytest_envrepro import Environment, assert_reproducible

pytestmark = pytest.mark.environment("production")


def test_built_twice() -> None:
    """Made twice from nothing: the same packages, and the same bytes in every file of them."""
    assert_reproducible("production")


def test_is_the_lock(environment: Environment) -> None:
    """What the installer made of the lock is what the lock says, and its packages agree with each other."""
    environment.assert_matches("requirements.txt")
    environment.assert_no_conflicts()
    environment.assert_intact()


def test_works(environment: Environment) -> None:
    code = "import jinja2, slugify; print(slugify.slugify(jinja2.Template('To {{ what }}!').render(what='read')))"

    assert environment.run_python("-c", code).stdout == "to-read\n"
