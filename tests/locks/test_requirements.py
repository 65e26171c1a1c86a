"""A lock is read pin by pin, with its lines, hashes and comments, whoever wrote it, and what is wrong is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from locks.reading import faults, pins, read, why_not
from making import pip_compiled

from pytest_envrepro.config import Config, InstalledFrom
from pytest_envrepro.discovery import discover, tree_of
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.files import Files
from pytest_envrepro.locks import format_of

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project

pytestmark = pytest.mark.core

DIGEST = "0123456789abcdef" * 4
HASH = f"--hash=sha256:{DIGEST}"


def test_pin() -> None:
    """A pin has its line, its hashes on lines of their own, its marker, and who needs it."""
    lock = read(
        {
            "requirements.txt": (
                "# comment\n\n"
                f"Zope.Interface[Test_x]==6.0 ; python_version >= '3.8' \\\n    {HASH} \\\n    {HASH[:-1]}0\n"
                "    # via\n    #   -r requirements.in\n    #   -r dev/other.in\n    #   Flask_SQL[async]\n"
                "    #   demo (pyproject.toml)\n"
            )
        }
    )

    (pin,) = lock.pins
    assert (pin.name, str(pin.version), pin.line, pin.requirement.marker) == (
        "zope-interface",
        "6.0",
        3,
        "python_version >= '3.8'",
    )
    assert pin.requirement.extras == {"test-x"}
    assert pin.hashes == (f"sha256:{DIGEST}", f"sha256:{DIGEST[:-1]}0")
    assert pin.sources == ("requirements.in", "dev/other.in", "pyproject.toml")
    assert pin.parents == {"flask-sql"}


@pytest.mark.parametrize(
    ("comment", "parents", "sources"),
    [
        ("  # via flask, jinja2", {"flask", "jinja2"}, ()),
        ("  # via -r a b.in, flask", {"flask"}, ("a b.in",)),
        ("  # via -c constraints.txt, flask", {"flask"}, ()),
        ("\n    # via demo (setup.py)", set(), ("setup.py",)),
        ("\n    # via demo (pyproject.toml:dev)", set(), ("pyproject.toml",)),
        ("\n    # via\n    #   flask\n    # a remark of somebody's own", {"flask"}, ()),
        ("  # viaduct", set(), ()),
    ],
)
def test_via(comment: str, parents: set[str], sources: tuple[str, ...]) -> None:
    """The comments of all versions and styles tell who needs a package."""
    (pin,) = read({"requirements.txt": f"click==1{comment}\n"}).pins

    assert (set(pin.parents), pin.sources) == (parents, sources)


def test_kinds() -> None:
    """URLs, repositories and folders are pins too; their fragment may hold a hash."""
    text = (
        f"a @ https://example.org/a.zip#egg=a&sha256={DIGEST}\n"
        "git+https://example.org/b@0123456789012345678901234567890123456789#egg=b\n"
        "-e ./c\n"
        "d===1.0-special\n"
    )
    lock = read({"requirements.txt": text})

    assert [(pin.name, pin.version, pin.editable, len(pin.hashes)) for pin in lock.pins] == [
        ("a", None, False, 1),
        ("b", None, False, 0),
        ("./c", None, True, 0),
        ("d", None, False, 0),
    ]
    assert lock.faults == ()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("flask", "unpinned requirements.txt:1 does not name one version"),
        ("flask>=1,<2", "unpinned requirements.txt:1 does not name one version"),
        ("flask==1.*", "unpinned requirements.txt:1 does not name one version"),
        ("git+https://x.org/a@main#egg=a", "unpinned requirements.txt:1 names no commit or tag"),
        ("a @ git+https://x.org/a", "unpinned requirements.txt:1 names no commit or tag"),
        (f"flask==1 {HASH[:-2]}", f"unreadable requirements.txt:1 the hash '{HASH[7:-2]}' has 62 digits, sha256 has 64: it is truncated"),
        ("flask==1 --hash=sha256:xyz", "unreadable requirements.txt:1 the hash 'sha256:xyz' is not of the form ALGORITHM:HEXADECIMAL"),
        (f"flask==1 --hash=md5:{DIGEST[:32]}", f"unreadable requirements.txt:1 the hash 'md5:{DIGEST[:32]}' is of a kind that pip refuses: it has to be sha256, sha384 or sha512"),
        ("flask==1 -C x", "unreadable requirements.txt:1 the value of --config-settings has to be KEY=VALUE, not 'x'"),
        ("flask==1 \\", "unreadable requirements.txt:1 the file ends inside a requirement, after a backslash: it is truncated"),
        ("flask==1 ; os_name = 'nt'", None),
        ("-r gone.txt", "input-missing requirements.txt:1 gone.txt does not exist"),
        ("--index-url https://me:secret@x.org/", "host-leak requirements.txt:1 '--index-url https://****@x.org/' holds a credential: revoke it"),
        ("--extra-index-url http://localhost:3141/x", "host-leak requirements.txt:1 '--extra-index-url http://localhost:3141/x' works on one machine only: compile with --no-emit-index-url"),
        ("--find-links /home/me/wheels", "host-leak requirements.txt:1 '--find-links /home/me/wheels' works on one machine only: compile with --no-emit-find-links"),
        ("-e file:///home/me/a#egg=a", "host-leak requirements.txt:1 '-e file:///home/me/a#egg=a' works on one machine only"),
        ("a @ https://me:secret@x.org/a.zip", "host-leak requirements.txt:1 'a @ https://****@x.org/a.zip' holds a credential: revoke it"),
        ("======= ", None),
    ],
)  # fmt: skip
def test_faults(line: str, fault: str | None) -> None:
    """What is wrong with a line of a lock is told there, and no secret with it."""
    found = faults(read({"requirements.txt": f"{line}\n"}))

    assert len(found) == 1
    assert fault is None or found == [fault]


def test_secret_in_header() -> None:
    """A credential in the header is found at its own line."""
    found = faults(
        read({"x.txt": pip_compiled("a==1\n", "pip-compile -i https://me:secret@x.org a.in"), "a.in": "a\n"}, "x.txt")
    )

    assert found == ["host-leak x.txt:5 'pip-compile -i https://****@x.org a.in' holds a credential: revoke it"]


def test_layers_keep_hashes() -> None:
    """What a lock reads with `-r` is part of it, with its hashes and comments, and at its own place."""
    lock = read({"dev.txt": f"-r base.txt\na==1 {HASH}\n", "base.txt": f"b==2 {HASH}  # via a\n"}, "dev.txt")

    assert [(pin.file, pin.line, pin.name, len(pin.hashes), pin.parents) for pin in lock.pins] == [
        ("dev.txt", 2, "a", 1, frozenset()),
        ("base.txt", 1, "b", 1, {"a"}),
    ]
    assert lock.rests_on == {"base.txt"}


def test_lock_that_reads_a_url() -> None:
    """Pins that only a download would tell make the lock unchecked."""
    assert (
        read({"a.txt": "b==1\n-r https://x.org/c.txt\n"}, "a.txt").unread
        == "a.txt:2 reads https://x.org/c.txt, which is not opened"
    )


def test_lock_with_constraints() -> None:
    """A lock may name constraints of its own: they bind its pins."""
    lock = read({"a.txt": "b==1\n-c c.txt\n", "c.txt": "b<1\n"}, "a.txt")

    assert [str(root.requirement) for root in lock.constraints] == ["b<1"]


def test_inputs_by_comments() -> None:
    """Without a header, the comments name the inputs; those that other inputs read are no inputs of their own."""
    text = "a==1\n    # via -r reqs/a.in\nb==1\n    # via -r reqs/b.in\n"

    lock = read({"reqs/x.txt": text, "reqs/a.in": "-r b.in\na\n", "reqs/b.in": "b\n"}, "reqs/x.txt")

    assert lock.inputs == ("reqs/a.in",)
    assert lock.fix == "pip-compile --output-file=reqs/x.txt reqs/a.in"


def test_unknown_extras() -> None:
    """A lock of a project with extras that does not tell which it was compiled with cannot have a stale pin."""
    pyproject = "[project]\nname='x'\ndependencies=['a']\n[project.optional-dependencies]\ndev=['b']\n"
    text = "a==1\n    # via x (pyproject.toml)\nb==1\n    # via x (pyproject.toml)\n"

    lock = read({"requirements.txt": text, "pyproject.toml": pyproject})

    assert (lock.inputs, lock.complete) == (("pyproject.toml",), False)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("# The following packages are considered to be unsafe in a requirements file:\n# setuptools\n# My_Tool\n", {"setuptools", "my-tool"}),
        ("# WARNING: The following packages were not pinned, but pip requires them to be\n# pinned when a.\n# setuptools\n", {"setuptools"}),
        ("# The following packages were excluded from the output:\n# setuptools==1\n", {"setuptools"}),
        ("# setuptools\n", set()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("pin", ["a==1\n", ""])
def test_unsafe(tail: str, expected: set[str], pin: str) -> None:
    """Packages that a compiler leaves out stand in a comment, also where it has left out all of them."""
    header = "# This file was autogenerated by uv via the following command:\n#    uv pip compile a.in\n"

    assert read({"a.txt": f"{header}{pin}\n{tail}", "a.in": ""}, "a.txt").excluded == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a==1\nb @ https://x.org/b.zip\n-e ./c\n", None),
        ("a==1\nb>=2\n", "line 2 is not pinned: b>=2"),
        ("a==1\nb c\n", None),
        ("<<<<<<< HEAD\n", None),
        ("", "no requirement in it"),
        ("# nothing\n\n", "no requirement in it"),
        ("-r base.txt\n", "no requirement of its own: it reads base.txt"),
        ("The service shall start.\n- It shall stop.\n", "nothing in it can be read as a requirement"),
        (pip_compiled(""), None),
        ("a>=1  # via b\n", None),
    ],
)
def test_is_lock(text: str, reason: str | None) -> None:
    """A `requirements.txt` is a lock if a compiler wrote it, or if all is pinned in it."""
    assert why_not({"requirements.txt": text}) == reason


@pytest.mark.parametrize(
    ("path", "files", "reason"),
    [
        ("notes.txt", {"notes.txt": "a==1\n"}, "no header of a compiler, no 'via' comments, and no .in file beside it"),
        ("notes.txt", {"notes.txt": "We go\n# via Rome\n\n  or not\n"}, "no header of a compiler, no 'via' comments, and no .in file beside it"),
        ("prod.txt", {"prod.txt": "a\n", "prod.in": ""}, None),
        ("prod.txt", {"prod.txt": pip_compiled("a==1\n")}, None),
        ("requirements.txt", {}, None),
        ("gone.txt", {}, "cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_is_lock_by_its_name(path: str, files: dict[str, str], reason: str | None) -> None:
    """Any other text is one only with a compiler's signs, or with its input beside it."""
    assert why_not(files, path) == reason


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"", "requirements.txt:1 is empty, its inputs are not: was a compilation interrupted?"),
        (b"\n\n", "requirements.txt:1 is empty, its inputs are not: was a compilation interrupted?"),
        (b"a==1\n\x00\x01", "requirements.txt:2 holds a NUL byte: this is not a text file"),
        ("a==1 # é\n".encode("latin-1"), "requirements.txt:1 is not UTF-8: byte 0xe9. Save it as UTF-8, or name its encoding in line 1"),
        (b"<<<<<<< ours\na==1\n=======\na==2\n>>>>>>> theirs\n", "requirements.txt:1 a merge conflict begins here"),
        (b"a==1\n=======\na==2\n>>>>>>> theirs\n", "requirements.txt:2 a merge conflict begins here"),
        (b" " * 17 * 1024 * 1024, "requirements.txt:None has 17 MiB: more than 16 MiB cannot be a lock or an input"),
        (b"a==1 \\\n    --hash=sha256:01234", "requirements.txt:1 the hash 'sha256:01234' has 5 digits, sha256 has 64: it is truncated"),
    ],
    ids=["empty", "blank", "binary", "encoding", "merge", "half merged", "large", "truncated"],
)  # fmt: skip
def test_bad_files(project: Project, content: bytes, finding: str) -> None:
    """A lock that cannot be read is one finding, whatever else could be said of it."""
    project.write({"requirements.in": "a\n", "requirements.txt": content})

    (found,) = project.findings()

    assert f"{found[4]} {found[5]}" == finding


def test_pins_are_linear_in_text() -> None:
    """A line with very many spaces, or cut into very many lines, is read in no time."""
    text = "a==1" + " " * 200_000 + "x#\n" + "b==1 \\\n" + "    \\\n" * 100_000 + "    # via c\n"

    assert pins(read({"requirements.txt": text})) == {"b": "==1"}


@pytest.mark.parametrize(
    ("text", "files", "partial", "unpinned"),
    [
        ("a==1\n", {}, None, set()),
        ("-r https://x.example/b.txt\n", {}, "requirements.txt:1 reads https://x.example/b.txt, which is not opened", set()),
        ("-r b.txt\n", {}, "requirements.txt:1: b.txt does not exist", set()),
        ("-r b.txt\n", {"b.txt": "<<<<<<< x\n"}, "b.txt:1: a merge conflict begins here", set()),
        ("<<<<<<< x\n", {}, "requirements.txt:1: a merge conflict begins here", set()),
        ("a==1\nB>2\n", {}, "requirements.txt:2 does not name one version", {"b"}),
    ],
)  # fmt: skip
def test_partial(text: str, files: dict[str, str], partial: str | None, unpinned: set[str]) -> None:
    """A lock of which some pins are not known says why."""
    lock = read({"requirements.txt": text, **files})

    assert (lock.partial, lock.unpinned) == (partial, frozenset(unpinned))


def test_fix_of_standard_output() -> None:
    """Only the value of the output's option is replaced in the command that compiles a lock again."""
    lock = read(
        {
            "requirements.txt": pip_compiled("a==1\n", "pip-compile --generate-hashes --output-file=- requirements.in"),
            "requirements.in": "a\n",
        }
    )

    assert lock.fix == "pip-compile --generate-hashes --output-file=requirements.txt requirements.in"


@pytest.mark.parametrize("name", ["conda-linux-64.lock", "dev.conda-lock.yml", "conda-lock.yaml"])
def test_conda(name: str) -> None:
    """What conda-lock writes is known by its name, and is not taken for a requirements file."""
    assert format_of(name).name == "conda"


def test_groups_of_requirements(tmp_path: Path) -> None:
    """A requirements file has no groups, whatever its suffix is."""
    (tmp_path / "dev.lock").write_text("a==1\n")
    files = Files(tmp_path)
    config = Config(installed=(InstalledFrom(lock="dev.lock", groups=("dev",)),))

    with pytest.raises(SettingsError, match=r"dev\.lock has no groups and no extras to choose from"):
        discover(files, tree_of(files, {}), config)
