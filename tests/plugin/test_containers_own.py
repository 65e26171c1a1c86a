"""One's own Dockerfile, and images that are used as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")

TABLE = """
[tool.envrepro.environments.mine]
kind = "container"
dockerfile = "docker/Dockerfile"
context = "docker"
pull = "never"
build-environment = { WHO = "it's $me; `x`" }

[tool.envrepro.environments.as-it-is]
kind = "container"
dockerfile = "elsewhere/Dockerfile"
context = "docker"
pull = "never"
skip-build = true
environment = { SAID = "as \\"it\\" is" }
"""
DOCKERFILE = """
FROM BASE
ARG WHO
ENV WHO=$WHO
COPY . /copied/
"""
# An image whose virtualenv comes first on its PATH, and has a package that the image's own Python has not.
ELSEWHERE = """
FROM BASE
COPY package /venv/lib/python3.11/site-packages/
RUN python3 -m venv --without-pip /venv
ENV PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY . /copied/
"""
TESTS = """
import pytest

@pytest.mark.environment("mine")
def test_own(environment):
    found = environment.run("find", "/copied", "(", "-type", "f", "-o", "-type", "l", ")", "-printf", "%P %m %l\\n")
    assert sorted(found.stdout.splitlines()) == COPIED
    assert environment.run("printenv", "WHO").stdout == "it's $me; `x`\\n"
    assert environment.run_python("-c", "import sys; print(sys.prefix)").stdout == "/opt/environment\\n"

@pytest.mark.environment("as-it-is")
def test_as_it_is(environment):
    assert sorted(environment.inventory()) == ["inner"]
    assert environment.run_python("-c", "import sys; print(sys.prefix)").stdout == "/venv\\n"
    assert environment.run("printenv", "SAID").stdout == 'as "it" is\\n'
    assert environment.run("find", "/copied", "-name", ".docker*", "-o", "-name", "skipped*").stdout == ""
"""
INFO = "docker/package/inner-1.0.dist-info"
COPIED = [
    *("Dockerfile 644 ", "link 777 a b.txt", "package/inner-1.0.dist-info/METADATA 644 "),
    *("package/inner-1.0.dist-info/RECORD 644 ", "run.sh 755 ", "sub/a b.txt 644 "),
]


def write(suite: Suite, base: Base, **files: str) -> None:
    """Write the project: a context with a file that is left out, one that can be run, and a link."""
    suite.write(TESTS.replace("COPIED", repr(COPIED)), TABLE)
    texts = {
        "docker/Dockerfile": DOCKERFILE.replace("BASE", base.reference),
        "elsewhere/Dockerfile": ELSEWHERE.replace("BASE", base.reference),
        "docker/.dockerignore": "skipped\n**/skipped.*\n.dockerignore\n",
        "docker/skipped/one": "1",
        "docker/sub/skipped.txt": "1",
        "docker/sub/a b.txt": "1",
        "docker/run.sh": "true\n",
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: inner\nVersion: 1.0\n",
        f"{INFO}/RECORD": "inner-1.0.dist-info/METADATA,,\ninner-1.0.dist-info/RECORD,,\n",
        **files,
    }
    suite.project.write(texts)
    (suite.path / "docker" / "run.sh").chmod(0o755)
    if not (suite.path / "docker" / "link").is_symlink():
        (suite.path / "docker" / "link").symlink_to("a b.txt")


def cached(suite: Suite) -> dict[str, bool]:
    """Run the tests, and tell of each environment whether its image was there."""
    suite.run().assert_outcomes(passed=2)
    return {row["name"]: row["cached"] for row in suite.rows()}


def test_built_first(boxes: Suite, base: Base) -> None:
    """It is built with its folder, less what is ignored; ours comes on top. What is copied is part of the key."""
    before = len(base.images("envrepro/own:"))  # Of other tests.
    write(boxes, base)
    assert cached(boxes)["mine"] is False
    assert len(base.images("envrepro/own:")) == before + 2

    write(boxes, base, **{"docker/skipped/one": "2", "docker/skipped/two": "2"})
    assert cached(boxes)["mine"] is True

    write(boxes, base, **{"docker/sub/a b.txt": "2"})
    assert cached(boxes)["mine"] is False
    assert len(base.images("envrepro/own:")) == before + 4


WORKDIRS = """
import pytest

@pytest.mark.environment("mine")
def test_own(environment):
    assert environment.run("pwd").stdout == "/theirs\\n"
    assert environment.read("here.txt") == b"1"

@pytest.mark.environment("mine", workdir="/other")
def test_set(environment):
    assert environment.run("pwd").stdout == "/other\\n"

@pytest.mark.environment("as-it-is")
def test_as_it_is(environment):
    assert environment.run("pwd").stdout == "/theirs\\n"
    assert environment.read("here.txt") == b"1"
"""


def test_workdir(boxes: Suite, base: Base) -> None:
    """Where programs run is what the Dockerfile says, unless a setting does; relative paths begin there."""
    own = f"FROM {base.reference}\nWORKDIR /theirs\nRUN printf 1 > here.txt\n"
    write(boxes, base, **{"docker/Dockerfile": own, "elsewhere/Dockerfile": own, "test_it.py": WORKDIRS})

    boxes.run().assert_outcomes(passed=3)


def test_fails(boxes: Suite, base: Base) -> None:
    """A command of one's own that fails is shown with its words, its line, and the setting."""
    failing = f"FROM {base.reference}\nRUN echo 'no such luck' >&2; exit 3\n"
    write(boxes, base, **{"docker/Dockerfile": failing})

    result = boxes.run("-k", "test_own")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "the image of docker/Dockerfile cannot be built: step 2 of 4 failed (its program ended with 3)",
            "  it said:",
            "    no such luck",
            "  the setting: dockerfile (tool.envrepro.environments.mine in pyproject.toml)",
            "  the Dockerfile:",
            f"        1  FROM {base.reference}",
            "    >   2  RUN echo 'no such luck' >&2; exit 3",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('dockerfile = "Dockerfile.no"', "dockerfile: Dockerfile.no does not exist"),
        ('dockerfile = "pyproject.toml"\ncontext = "nowhere"', "context: nowhere is no folder"),
    ],
    ids=["dockerfile", "context"],
)
def test_missing(boxes: Suite, table: str, words: str) -> None:
    """A file or a folder that is not there is told before an engine is asked for anything."""
    head = '[tool.envrepro.environments.own]\nkind = "container"\n'
    boxes.write("def test_it(environments):\n    environments.get('own')\n", f"{head}{table}\n")

    result = boxes.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{words} (tool.envrepro.environments.own in pyproject.toml)*"])
