"""What every user of a machine may see of the programs that make environments: their command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import making
from indexes import Index

if TYPE_CHECKING:
    from borrowing import Suite

TESTS = """
def test_it(environments):
    environment = environments.get(requirements="reqs.in", installer="uv")
    assert sorted(environment.inventory()) == ["beside", "further", "guarded", "local"]
"""


def test_places_of_variables(fresh: Suite, guarded: str) -> None:
    """Places that a file names count beside those of uv's variables, whose credentials stand on no command line."""
    further = Index(fresh.path / "further")
    further.add("further", "1.0")
    making.wheel(fresh.path / "a,b", "local", "1.0")
    making.wheel(fresh.path / "links", "beside", "1.0")
    fresh.write(TESTS)
    lines = f"--extra-index-url {further.url}\n--find-links ./a,b\nfurther\nguarded\nlocal\nbeside\n"
    fresh.project.write({"reqs.in": lines})
    started = fresh.watched()
    fresh.unset("PIP_NO_INDEX")
    fresh.set("UV_DEFAULT_INDEX", (fresh.path / "empty").as_uri())
    Index(fresh.path / "empty").add("nothing", "1.0")
    fresh.set("UV_EXTRA_INDEX_URL", guarded)
    fresh.set("UV_FIND_LINKS", "links")

    fresh.run().assert_outcomes(passed=1)

    lines = started.read_text()
    assert " pip compile " in lines
    assert " pip install " in lines
    assert "s3cretpw" not in lines
