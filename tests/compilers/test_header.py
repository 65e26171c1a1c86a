"""A header is untrusted: what it may say is run, and nothing else is, neither to compare nor to mend."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import making
import pytest
from indexes import write

if TYPE_CHECKING:
    from pathlib import Path

    from indexes import Index
    from projects import Project

pytestmark = pytest.mark.requires_integration("compilers")

_REFUSED = (
    "the command in its header is not run: '{}' {}; if it is meant, name it as 'command' in [[tool.envrepro.locks]]"
)
_LISTED = "is not on the list of what is run from a header"
_OUT = "leads out of this project"
_SHELL = "holds what only a shell understands"
_OWN = "its header says '{}', which is no command of pip-compile or uv: name the command in [[tool.envrepro.locks]]"
_IO = "--output-file=requirements.txt requirements.in"

_PIP = {
    f"pip-compile {_IO}; touch canary": _OWN.format(f"pip-compile {_IO}; touch canary"),
    f"pip-compile {_IO} && touch canary": _OWN.format(f"pip-compile {_IO} && touch canary"),
    f"pip-compile {_IO} | tee canary": _OWN.format(f"pip-compile {_IO} | tee canary"),
    "touch canary": _OWN.format("touch canary"),
    "make lock": _OWN.format("make lock"),
    "/opt/pip-compile requirements.in": _OWN.format("/opt/pip-compile requirements.in"),
    f"pip-compile $(touch canary) {_IO}": _REFUSED.format("$(touch", _SHELL),
    f"pip-compile {_IO} `touch canary`": _REFUSED.format("`touch", _SHELL),
    f"pip-compile --unheard-of {_IO}": _REFUSED.format("--unheard-of", _LISTED),
    f"pip-compile --upgrade {_IO}": _REFUSED.format("--upgrade", _LISTED),
    f"pip-compile --cache-dir=/tmp/x {_IO}": _REFUSED.format("--cache-dir=/tmp/x", _LISTED),
    f"pip-compile --cert /etc/passwd {_IO}": _REFUSED.format("--cert", _LISTED),
    f"pip-compile --pip-args=--target=canary {_IO}": _REFUSED.format("--pip-args=--target=canary", _LISTED),
    f"pip-compile --pip-args='--log canary' {_IO}": _REFUSED.format("--pip-args=--log", _LISTED),
    f"pip-compile --pip-args '--no-deps' {_IO}": _REFUSED.format("--pip-args=--no-deps", _LISTED),
    f"pip-compile --pip-args='--retries 2 evil' {_IO}": _REFUSED.format("--pip-args=evil", _LISTED),
    f"pip-compile --find-links=/tmp {_IO}": _REFUSED.format("--find-links=/tmp", _OUT),
    f"pip-compile --find-links=../x {_IO}": _REFUSED.format("--find-links=../x", _OUT),
    f"pip-compile --index-url file:///tmp/x {_IO}": _REFUSED.format("--index-url file:///tmp/x", _OUT),
    f"pip-compile --index-url FILE:/tmp/x {_IO}": _REFUSED.format("--index-url FILE:/tmp/x", _OUT),
    f"pip-compile --config=../evil.toml {_IO}": _REFUSED.format("--config=../evil.toml", _OUT),
    f"pip-compile -c ../../x.txt {_IO}": _REFUSED.format("-c ../../x.txt", _OUT),
    f"pip-compile {_IO} /etc/passwd": _REFUSED.format("/etc/passwd", _OUT),
    f"pip-compile {_IO} ~/x.in": _REFUSED.format("~/x.in", _OUT),
    f"pip-compile {_IO} *.in": _REFUSED.format("*.in", _SHELL),
    "pip-compile --output-file=requirements.txt -": _REFUSED.format(
        "-", "reads standard input, or is an option after all"
    ),
    f"pip-compile {_IO} -- -r": _REFUSED.format("-r", "reads standard input, or is an option after all"),
}
_UV = {
    f"uv pip compile -c=/etc/passwd {_IO}": _REFUSED.format("-c=/etc/passwd", _OUT),
    f"uv pip compile -f=/srv/wheels {_IO}": _REFUSED.format("-f=/srv/wheels", _OUT),
    f"uv pip compile -c file:///etc/passwd {_IO}": _REFUSED.format("-c file:///etc/passwd", _OUT),
    f"uv pip compile {_IO} file:///etc/passwd": _REFUSED.format("file:///etc/passwd", _OUT),
    f"uv pip compile -f requirements.in,/srv/wheels {_IO}": _REFUSED.format(
        "-f requirements.in,/srv/wheels", "holds more than one place"
    ),
    f"uv pip compile --extra-index-url 'https://e.org file:///srv' {_IO}": _REFUSED.format(
        "--extra-index-url https://e.org file:///srv", "holds more than one place"
    ),
    f"uv pip compile --find-links ssh://e.org/x {_IO}": _REFUSED.format("--find-links ssh://e.org/x", _OUT),
    f"uv pip compile --extra 'a\x07' {_IO}": _REFUSED.format("--extra a\x07", "holds a control character"),
    f"uv pip compile --python /tmp/evil {_IO}": _REFUSED.format("--python /tmp/evil", "names no version of Python"),
    f"uv pip compile -p../evil {_IO}": _REFUSED.format("-p../evil", "names no version of Python"),
    f"uv pip compile --directory /tmp {_IO}": _REFUSED.format("--directory", _LISTED),
    f"uv pip compile --project=/tmp {_IO}": _REFUSED.format("--project=/tmp", _LISTED),
    f"uv pip compile -C x=y {_IO}": _REFUSED.format("-C", _LISTED),
    f"uv pip compile --config-file /tmp/uv.toml {_IO}": _REFUSED.format("--config-file /tmp/uv.toml", _OUT),
    f"uv pip compile --index evil=file:///tmp {_IO}": _REFUSED.format("--index evil=file:///tmp", _OUT),
    f"uv pip compile --cache-dir canary {_IO}": _REFUSED.format("--cache-dir", _LISTED),
    f"uv pip compile --group ../x/pyproject.toml:dev {_IO}": _REFUSED.format("--group ../x/pyproject.toml:dev", _OUT),
    f"uv run touch canary {_IO}": _OWN.format(f"uv run touch canary {_IO}"),
    f"uvx pip-compile {_IO}": _OWN.format(f"uvx pip-compile {_IO}"),
}


def hostile(project: Project, command: str) -> None:
    """Write a broken lock with a command in its header."""
    header = making.pip_compiled("", command)
    if command.startswith("uv"):
        header = f"# This file was autogenerated by uv via the following command:\n#    {command}\n"
    write(
        project,
        {
            "requirements.in": "flask\nclick\n",
            "requirements.txt": f"{header}flask==3.0\n    # via -r requirements.in\n",
        },
    )


@pytest.mark.parametrize("command", [*_PIP, *_UV])
def test_refused(project: Project, index: Index, monkeypatch: pytest.MonkeyPatch, command: str) -> None:  # noqa: ARG001
    """Nothing is started; the message names the word, says why, and how to have the command run all the same."""
    hostile(project, command)
    monkeypatch.setattr(subprocess, "Popen", None)

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    assert check["reason"] == {**_PIP, **_UV}[command]


@pytest.mark.parametrize("command", [*_PIP, *_UV])
def test_refused_to_mend(project: Project, index: Index, command: str) -> None:  # noqa: ARG001
    """`--env-fix` starts nothing either, leaves the lock as it was, and says why; nor is anybody told to run it."""
    hostile(project, command)
    before = (project.path / "requirements.txt").read_bytes()

    result = project.run("--env-fix")

    fixes = {line.strip() for line in result.stdout.lines if line.startswith("  fix: ") and " install " not in line}
    assert fixes <= {f"fix: {program} {_IO}" for program in ("pip-compile", "uv pip compile")}
    said = {**_PIP, **_UV}[command].replace("\x07", "\\x07")
    assert f"requirements.txt left as it was: {said}" in result.stdout.lines
    assert (project.path / "requirements.txt").read_bytes() == before
    assert not (project.path / "canary").exists()


@pytest.mark.parametrize(
    "options",
    [
        "--pip-args='--retries 2 --prefer-binary' --strip-extras",
        "--annotation-style=line --allow-unsafe -q",
        "-qv --no-annotate --newline=lf --resolver=backtracking",
        "--trusted-host example.org --max-rounds 5",
    ],
)
def test_allowed(project: Project, index: Index, options: str) -> None:  # noqa: ARG001  # The index is used.
    """What only chooses is run as it stands there."""
    hostile(project, f"pip-compile --no-emit-index-url {options} {_IO}")

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert "not run" not in (check["reason"] or "")
    assert "click" in {finding["package"] for finding in check["findings"]}


def test_table(project: Project, index: Index) -> None:  # noqa: ARG001  # The index is used.
    """The same command in the table is run: the table is the user's own word."""
    hostile(project, f"pip-compile --no-emit-index-url --cache-dir=here --unsafe-package=x {_IO}")
    table = (
        '\n[[tool.envrepro.locks]]\npath = "requirements.txt"\n'
        f'command = "pip-compile --no-emit-index-url --cache-dir=here {_IO}"\n'
    )
    project.write({"pyproject.toml": (project.path / "pyproject.toml").read_text() + table})

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert ("click", "8.0") in {(finding["package"], finding["expected"]) for finding in check["findings"]}


def test_table_needs_no_shell(project: Project, index: Index) -> None:  # noqa: ARG001  # The index is used.
    """A command of the table that only a shell understands is not given to one."""
    hostile(project, "make lock")
    table = '\n[[tool.envrepro.locks]]\npath = "requirements.txt"\ncommand = "make lock && touch canary"\n'
    project.write({"pyproject.toml": (project.path / "pyproject.toml").read_text() + table})

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert check["reason"] == (
        "the command in the table needs a shell: put 'make lock && touch canary' into a script, and name that: "
        "name the command in [[tool.envrepro.locks]]"
    )


@pytest.mark.parametrize("option", ["-o=", "-o ", "-o", "--output-file=", "--output-file "])
def test_output(project: Project, index: Index, tmp_path: Path, option: str) -> None:  # noqa: ARG001
    """Wherever a header says to write, it is the lock that is written, in the copy."""
    target = tmp_path / "requirements.txt"
    target.write_text("mine")
    write(project, {"requirements.in": "flask\nclick\n"})
    header = f"# This file was autogenerated by uv via the following command:\n#    uv pip compile {option}{target} requirements.in\n"
    project.write({"requirements.txt": f"{header}flask==3.0\n    # via -r requirements.in\n"})

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert target.read_text() == "mine"
    assert "click" in {finding["package"] for finding in check["findings"]}


def test_output_of_another_machine(project: Project, index: Index) -> None:  # noqa: ARG001
    """A command that names the project by where it was, and climbs out of there, writes nothing outside."""
    write(project, {"requirements.in": "flask\nclick\n"})
    command = "uv pip compile -o /srv/it/../../../../../../tmp/it/requirements.txt /srv/it/requirements.in"
    header = f"# This file was autogenerated by uv via the following command:\n#    {command}\n"
    project.write({"requirements.txt": f"{header}flask==3.0\n    # via -r requirements.in\n"})

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert check["outcome"] != "clean"


@pytest.mark.parametrize("module", ["click", "build"])
def test_modules_of_the_project(project: Project, index: Index, module: str) -> None:  # noqa: ARG001
    """A file of the project that is called like a part of pip-tools is not loaded by it."""
    hostile(project, f"pip-compile --no-emit-index-url {_IO} {module}.py")
    project.write({f"{module}.py": "open(__file__ + '.canary', 'w').close()\nraise SystemExit('loaded')\n"})

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert "loaded" not in (check["reason"] or "")
    assert not list(project.path.rglob("*.canary"))


def test_link_out_of_the_project(project: Project, index: Index, tmp_path: Path) -> None:  # noqa: ARG001
    """A link that leads out of the project is not followed: nothing of what it leads to is told."""
    (tmp_path / "secret").write_text("top secret\n")
    (project.path / "notes.txt").symlink_to(tmp_path / "secret")
    hostile(project, f"pip-compile --no-emit-index-url -c notes.txt {_IO}")

    check = project.judge("recompile", "requirements.txt", "--env-recompile")

    assert check["reason"] == "it cannot be copied: notes.txt leads out of this project"


def test_long_words(project: Project, index: Index) -> None:  # noqa: ARG001  # The index is used.
    """A word that is too long for a file's name ends no session."""
    hostile(project, f"pip-compile --unsafe-package={'x' * 300} {_IO}")

    assert project.judge("recompile", "requirements.txt", "--env-recompile")["outcome"] in ("broken", "unchecked")


def test_comments_name_no_variables(project: Project, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """A variable that a comment names is not passed on, and one that changes Python never is."""
    (project.path / "evil").mkdir()
    (project.path / "evil" / "sitecustomize.py").write_text("open(__file__ + '.canary', 'w').close()\n")
    monkeypatch.setenv("PYTHONPATH", str(project.path / "evil"))
    hostile(project, f"pip-compile --no-emit-index-url {_IO}")
    project.write({"requirements.in": "# ${PYTHONPATH}\nflask\nclick\n"})

    project.judge("recompile", "requirements.txt", "--env-recompile")

    assert not list(project.path.rglob("*.canary"))
