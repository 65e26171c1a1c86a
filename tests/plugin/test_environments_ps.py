"""What every user of a machine may see of the programs that make environments: their command lines."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import making
import pytest
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


OF_A_LOCK = """
import pytest

@pytest.mark.environment(lock="Pipfile.lock", installer="INSTALLER")
def test_of_a_lock(environment):
    assert sorted(environment.inventory()) == ["guarded"]

@pytest.mark.environment(requirements="reqs.in", installer="INSTALLER")
def test_of_a_file(environment):
    assert sorted(environment.inventory()) == ["further", "guarded"]
"""


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_credentials_of_the_project(fresh: Suite, guarded: str, installer: str) -> None:
    """Where a lock or a file names a place with variables in it, what they hold stands on no command line.

    The user has set no such place, and what else the user's files of settings name counts beside it.
    """
    Index(fresh.path / "empty").add("nothing", "1.0")
    further = Index(fresh.path / "further")
    further.add("further", "1.0")
    wheel = next(fresh.path.parent.rglob("guarded-1.0-py3-none-any.whl"))
    place = guarded.replace("s3cretpw", "${INDEX_WORD}")
    source = {"name": "private", "url": place, "verify_ssl": False}
    hash_ = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pin = {"hashes": [f"sha256:{hash_}"], "index": "private", "version": "==1.0"}
    meta = {"hash": {"sha256": "0"}, "pipfile-spec": 6, "requires": {}, "sources": [source]}
    fresh.write(OF_A_LOCK.replace("INSTALLER", installer))
    fresh.project.write(
        {
            "Pipfile.lock": json.dumps({"_meta": meta, "default": {"guarded": pin}, "develop": {}}),
            "reqs.in": f"--extra-index-url {place}\nguarded\nfurther\n",
        }
    )
    settings = fresh.path / "pip.conf"
    empty = (fresh.path / "empty").as_uri()
    settings.write_text(f"[global]\nindex-url = {empty}\nextra-index-url = {further.url}\n")
    of_uv = fresh.path / "uv.toml"
    of_uv.write_text(f'index-url = "{empty}"\nextra-index-url = ["{further.url}"]\n')
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_FIND_LINKS", "UV_DEFAULT_INDEX"):
        fresh.unset(name)
    fresh.set("PIP_CONFIG_FILE", str(settings))
    fresh.set("UV_CONFIG_FILE", str(of_uv))
    fresh.set("INDEX_WORD", "s3cretpw")
    started = fresh.watched()

    fresh.run().assert_outcomes(passed=2)

    lines = started.read_text()
    assert "install" in lines
    assert "s3cretpw" not in lines
