"""`Pipfile.lock`: pipenv only tells whether it has the hash of its Pipfile, and mends what that asks for and it has not."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.locks.pipfile_project import content_hashes
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from natives import Native
    from projects import Site

pytestmark = [
    pytest.mark.requires_integration("network", "compilers"),
    pytest.mark.parametrize("native", ["pipenv"], indirect=True),
]


def cut(native: Native, name: str) -> None:
    """Cut a package out of the lock, as a bad merge does."""
    data = json.loads(native.lock.read_text())
    del data["default"][name]
    native.lock.write_text(json.dumps(data, indent=4) + "\n")


def test_unchanged(native: Native) -> None:
    """A lock of the same Pipfile is clean, and it is said that this is all that pipenv looks at."""
    result = native.project.run("--env-recompile", "-v")

    words = "compares the hash of the inputs alone, and finds it true"
    (line,) = (line for line in result.outlines if re.match(r"Pipfile\.lock +recompile ", line))
    assert re.match(rf"Pipfile\.lock +recompile +clean +5 pins; pipenv [\d.]+ \(with .+\) {words}, ", line)


def test_drifted(native: Native) -> None:
    """A Pipfile that has changed, in pipenv's own words."""
    native.ask_for("httpx")

    check = native.judge()

    (finding,) = check["findings"]
    assert (check["outcome"], finding["code"], finding["package"]) == ("broken", "recompiled-differs", None)
    assert (finding["file"], finding["fix"]) == ("Pipfile.lock", "pipenv lock")
    assert '"sha256"' in native.lock.read_text().splitlines()[finding["line"] - 1]
    assert re.fullmatch(
        r"pipenv [\d.]+ says: Pipfile\.lock is out-of-date\. Run \$ pipenv lock to update\.",
        finding["message"],
    )


def test_transitive_gone(native: Native, site: Site) -> None:
    """A hole is nothing to pipenv: the check `lock` finds it, and `pipenv upgrade` leaves it."""
    cut(native, "markupsafe")
    site.add("werkzeug", "3.0", ("markupsafe",))

    assert native.is_up_to_date()
    assert native.judge()["outcome"] == "clean"
    assert [finding["code"] for finding in native.judge("lock")["findings"]] == ["missing-transitive"]
    assert native.told() == ["Pipfile.lock left as it was: its command leaves it as it is"]


def test_hash_of_another_version(native: Native) -> None:
    """A hash as older versions of pipenv wrote it, which this one does not take, is no drift."""
    native.edit("Pipfile", "flask", "Flask")
    native.compile()
    written = json.loads(native.lock.read_text())
    pipfile = load_toml("Pipfile", (native.project.path / "Pipfile").read_text())
    others = content_hashes(pipfile, written["_meta"]["sources"]) - {written["_meta"]["hash"]["sha256"]}
    native.edit("Pipfile.lock", written["_meta"]["hash"]["sha256"], min(others))
    assert not native.is_up_to_date()

    check = native.judge()

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    assert re.fullmatch(
        r"pipenv [\d.]+ says: Pipfile\.lock is out-of-date\. Run \$ pipenv lock to update\.; but the hash is one that is known "
        "for these inputs: another version of it may have locked",
        check["reason"],
    )


def test_variables_of_the_pipfile(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that a Pipfile names reach pipenv, in both ways to write them; a comment names none.

    A script names none either, nor does anything name a setting of pipenv's own.
    """
    native.edit("Pipfile", "http://", "http://$OUR_NAME:${OUR_WORD}@")
    native.edit("Pipfile", "[packages]", "# $OTHER\n[packages]")
    text = (native.project.path / "Pipfile").read_text()
    native.project.write({"Pipfile": f'{text}\n[scripts]\nsay = "echo $OTHER ${{PIPENV_PIPFILE}}"\n'})
    program = native.project.path / "elsewhere" / "pipenv"
    native.project.write(
        {"elsewhere/pipenv": '#!/bin/sh\necho "error: $OUR_NAME $OUR_WORD $OTHER$PIPENV_PIPFILE." >&2\nexit 1\n'}
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.defpath]))
    for name in ("OUR_NAME", "OUR_WORD", "OTHER", "PIPENV_PIPFILE"):
        monkeypatch.setenv(name, name.lower())

    assert native.judge()["reason"] == "the pipenv on PATH has failed: error: our_name our_word ."


def test_broken_pipfile(native: Native) -> None:
    """Where pipenv fails, its last words are told."""
    native.project.write({"Pipfile": "[packages\n"})

    check = native.judge()

    assert check["outcome"] == "unchecked"
    assert re.match(r"pipenv [\d.]+ has failed: .", check["reason"])


def test_mended(native: Native) -> None:
    """What is missing is added with what it needs; pins that have nothing to do with it stay, and no environment is made."""
    native.index.add("flask", "4.0", ("werkzeug>=3", "click"))
    native.index.add("six", "1.17")
    native.ask_for("httpx")
    before, files = native.versions(), native.snapshot()

    assert native.told() == ["Pipfile.lock mended: anyio 4.0 is added, httpx 1.0 is added"]

    assert native.versions() == {**before, "anyio": "4.0", "httpx": "1.0"}
    assert native.is_up_to_date()
    assert {name for name, data in native.snapshot().items() if data != files.get(name)} == {"Pipfile.lock"}
    assert not list(native.home.rglob("pyvenv.cfg"))
    assert native.judge("lock")["outcome"] == "clean"


def test_mended_with_an_upgrade(native: Native) -> None:
    """What is missing may need a package that is pinned: pipenv takes its latest version, and that is told."""
    native.index.add("markupsafe", "3.0")
    native.index.add("sphinx", "1.0", ("markupsafe",))
    native.ask_for("sphinx")

    assert native.told() == ["Pipfile.lock mended: markupsafe 2.0 -> 3.0, sphinx 1.0 is added"]
    assert native.is_up_to_date()


def test_not_mended_by_older_pins(native: Native) -> None:
    """An earlier version in the place of one that is gone from the index is not followed."""
    native.index.delete("markupsafe", "2.0")
    native.index.add("sphinx", "1.0", ("markupsafe",))
    native.ask_for("sphinx")
    before = native.lock.read_bytes()

    (line,) = native.told()

    assert line.startswith(
        "Pipfile.lock left as it was: its command would also change what nothing explains: markupsafe 2.0 -> 1.0. "
    )
    assert native.lock.read_bytes() == before


def test_not_mended_by_holes(native: Native) -> None:
    """What the latest of a package needs no more is left out by pipenv, though the package stays as it is: not by us."""
    native.index.add("flask", "4.0")
    native.ask_for("httpx")

    (line,) = native.told()

    assert line.startswith(
        "Pipfile.lock left as it was: its command would also change what nothing explains: click 8.0"
    )
    assert "werkzeug 3.0 is left out" in line


def test_other_python(native: Native) -> None:
    """Pipenv locks for the Python that runs it: a lock for another one is not mended, and looked at all the same."""
    native.project.write(
        {"Pipfile": (native.project.path / "Pipfile").read_text() + '\n[requires]\npython_version = "3.7"\n'}
    )
    native.edit("Pipfile.lock", '"requires": {}', '"requires": {"python_version": "3.7"}')

    (line,) = native.told()

    assert line.startswith("Pipfile.lock left as it was: it was compiled with Python 3.7, this is ")
    assert "is out-of-date" in native.judge()["findings"][0]["message"]


def test_categories(native: Native) -> None:
    """What a group of the project's own asks for is mended too."""
    native.edit("Pipfile", "[dev-packages]", '[docs]\nclick = "*"\n\n[dev-packages]')
    native.compile()
    native.edit("Pipfile", "[docs]\n", '[docs]\nanyio = "*"\n')

    assert native.told() == ["Pipfile.lock mended: anyio 4.0 is added"]
    assert set(json.loads(native.lock.read_text())["docs"]) == {"anyio", "click"}
