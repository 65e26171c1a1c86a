"""What nobody has written in good faith is a finding or a clear error, and never a traceback."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import making
import pytest

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.syntax import read
from pytest_envrepro.requirement import parse
from pytest_envrepro.requirementlines import parse_line

if TYPE_CHECKING:
    from projects import Project, Site

NESTED = "flask; " + "(" * 3000 + "os_name == 'x'" + ")" * 3000
DIGITS = "1" + "0" * 5000
FILES: dict[str, dict[str, str | bytes]] = {
    "nested in an input": {"requirements.in": f"{NESTED}\n"},
    "nested in a lock": {"requirements.txt": making.pip_compiled(f"{NESTED}\nflask==3.0\n")},
    "nested in a line with a URL": {"requirements.in": f"https://example.org/{NESTED}\n"},
    "digits in an input": {"requirements.in": f"flask>={DIGITS}\n"},
    "digits in a lock": {"requirements.txt": making.pip_compiled(f"flask=={DIGITS}\n")},
    "digits in a marker": {"requirements.in": f"flask; python_version < '{DIGITS}'\n"},
    "digits in a wheel's name": {"requirements.in": f"https://example.org/flask-{DIGITS}-py3-none-any.whl\n"},
    "digits in requires-python": {"pyproject.toml": f"[project]\nname='x'\nrequires-python='>={DIGITS}'\n"},
    "digits in .python-version": {".python-version": f">={DIGITS}\n", "requirements.in": "click\n"},
    "digits in TOML": {"pyproject.toml": "[tool.pytest]\n[project]\nname='x'\n", "envrepro.toml": f"a = {DIGITS}\n"},
    "hexadecimal digits in TOML": {"pyproject.toml": "", "envrepro.toml": f"format = 0x{DIGITS}\n"},
    "half a character": {"requirements.txt": b"# coding: unicode_escape\nflask==3.0 # \\ud800\n"},
}
METADATA = {
    "nested": making.metadata("flask", "3.0", (NESTED,)),
    "digits in its version": making.metadata("flask", DIGITS),
    "digits in a dependency": making.metadata("flask", "3.0", (f"click>={DIGITS}",)),
    "digits in requires-python": making.metadata("flask", "3.0", python=f">={DIGITS}"),
    "digits that do not matter": making.metadata("flask", "3.0", (f"click=={DIGITS}; extra == 'x'",)),
    "long line": making.metadata("flask", "3.0", (f"a{' ' * 20000}b",)),
}


def assert_survives(project: Project) -> None:
    run = project.run()
    text = run.stdout.str() + run.stderr.str()

    assert run.ret in (1, 4), text
    assert "INTERNALERROR" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_files(clean: Project, files: dict[str, str | bytes]) -> None:
    """Brackets and numbers without end in the project's files fail the session with a message."""
    clean.write(files)
    assert_survives(clean)


@pytest.mark.parametrize("text", METADATA.values(), ids=METADATA)
def test_metadata(clean: Project, site: Site, text: str) -> None:
    """The same for the metadata of what is installed."""
    clean.write({"requirements.in": "click\n"})
    (site.path / "flask-3.0.dist-info" / "METADATA").write_text(text)
    assert_survives(clean)


def test_folder_name(clean: Project, site: Site) -> None:
    """A metadata folder whose name is no text is a leftover."""
    folder = bytes(site.path) + b"/foo\xff-1.0.dist-info"
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system has no such names")
    assert_survives(clean)
    labels = [each["actual"] for each in clean.judge("conflicts", "pyproject.toml")["findings"]]
    assert "foo\\xff-1.0.dist-info" in labels


@pytest.mark.parametrize(
    "text",
    [f"a{' ' * 8000}b", "./" + "[" * 8000, f"a{' ' * 20000}b", "./" + "[" * 20000, "a @" + " " * 20000 + ";"],
    ids=["spaces", "brackets", "more spaces", "more brackets", "named"],
)
def test_time(text: str) -> None:
    """No line costs the square of its length."""
    started = time.process_time()  # However busy the machine is.
    for read_text in (parse, parse_line):
        with contextlib.suppress(ValueError):
            read_text(text)
    redact(f"https://h/?{'key' * 20000}")
    read(f"{text}\n", {})

    assert time.process_time() - started < 1


def test_long_line() -> None:
    """A line longer than 8 KiB is a fault, unless it is hashes that make it long."""
    hashes = " ".join(f"--hash=sha256:{number:064x}" for number in range(200))

    assert [fault.message for fault in read("a" * 9000, {}).faults] == ["is longer than 8192 characters, hashes apart"]
    assert len(read(f"a==1 {hashes}\n", {}).entries[0].hashes) == 200
