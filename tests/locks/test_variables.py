"""What an environment variable holds is not shown, and a verdict does not depend on it."""

from __future__ import annotations

import pytest
from locks.reading import faults, read, tree

from pytest_envrepro.locks.command import read_command
from pytest_envrepro.locks.settings import read_settings
from pytest_envrepro.locks.syntax import read as read_document

SECRETS = {
    "U": "me",
    "PW": "hunter2",
    "URL": "https://example.org/hunter2/f-1-py3-none-any.whl",
    "V": "1.0",
    "NAME": "f",
}


@pytest.mark.parametrize("environ", [{}, SECRETS], ids=["unset", "set"])
def test_no_leak(environ: dict[str, str]) -> None:
    """Pip's own way to keep a password out of a file is no leak, whether the variables are set or not."""
    text = "--index-url https://${U}:${PW}@example.org/simple\nf @ git+https://${PW}@example.org/f@v1\n"

    assert faults(read({"requirements.txt": text}, environ=environ)) == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("bar @ https://example.org/${PW}/bar.zip", "bar @ https://example.org/${PW}/bar.zip"),
        ("-e git+https://${PW}@example.org/b#egg=b", "git+https://${PW}@example.org/b#egg=b"),
        ("bar==${V}", "bar==1.0"),
        ("${URL}", "f @ ${URL}"),
        ("f @ ${URL}", "f @ ${URL}"),
        ("${NAME}@https://${PW}@e.org/f.zip", "f @ https://${PW}@e.org/f.zip"),
        ("./${V}", "./${V}"),
    ],
)
def test_text(line: str, text: str) -> None:
    """Names and versions are expanded; URLs keep their variables."""
    assert [entry.text for entry in read_document(f"{line}\n", SECRETS).entries] == [text]


def test_settings_and_includes() -> None:
    """An option keeps what was written, and what is read from a URL too."""
    found = read_document("-i https://${PW}@h.org/x\n-r https://h.org/${PW}/a.txt\n-c ${V}/c.txt\n", SECRETS)

    assert [setting.raw for setting in found.settings] == ["https://${PW}@h.org/x"]
    assert [include.path for include in found.includes] == ["https://h.org/${PW}/a.txt", "1.0/c.txt"]


@pytest.mark.parametrize("environ", [{}, SECRETS], ids=["unset", "set"])
@pytest.mark.parametrize("line", ["f==1.0", "-e ./f"])
def test_settings_of_one_requirement(line: str, environ: dict[str, str]) -> None:
    """What is said to the build of one requirement keeps its variables too: it is shown, and looked through for leaks."""
    text = f'{line} --config-settings "i=https://${{U}}:${{PW}}@h.org/x" -C k=${{PW}}\n'

    found = read_document(text, environ)

    assert [setting.raw for setting in found.settings] == ["i=https://${U}:${PW}@h.org/x", "k=${PW}"]
    assert faults(read({"requirements.txt": text}, environ=environ)) == []


def test_an_option_that_a_variable_holds() -> None:
    """Its value is not shown: nobody wrote it there."""
    (found,) = read_document("${ALL}\n", {"ALL": "--index-url https://me:hunter2@h.org/x"}).settings

    assert (found.option, found.value, found.raw) == ("--index-url", "https://me:hunter2@h.org/x", "")


@pytest.mark.parametrize("command", ["uv pip compile --config-file=", "pip-compile --config="])
def test_settings_outside(command: str) -> None:
    """A settings file that a header names is sought beside it, and never outside of the project."""
    for named in ("/srv/uv.toml", "../../uv.toml"):
        settings = read_settings(read_command(f"{command}{named} a.in"), "sub", ("sub/a.in",), tree({named: "x"}))

        assert settings.unread is not None
        assert settings.unread.endswith("which is not within this project")
    files = {"sub/x.toml": "[tool.uv.pip]\nextra = ['a']\n[tool.pip-tools]\nextra = ['a']\n"}
    settings = read_settings(read_command(f"{command}x.toml a.in"), "sub", ("sub/a.in",), tree(files))
    assert (settings.command.extras, settings.file) == (("a",), "sub/x.toml")
