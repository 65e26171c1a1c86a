"""The recipes of the documentation can be read by the tools that they are for, and do what they say where that can run."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from indexes import Index, use
from runner import commands
from test_docs import PAGES, ROOT, blocks, quickstart, read, spoil
from test_examples import OPTIONAL_PARTS, QUICKSTART, outside, shell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projects import Project, Site

PAGE = read("docs/recipes.md")
BIN = Path(sys.executable).parent


def section(title: str) -> str:
    """Give a section of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def block(title: str, language: str) -> str:
    """Give the first block of a language in a section."""
    return blocks(section(title), language)[0]


def load_yaml(title: str) -> Any:
    """Read the YAML of a section."""
    import yaml  # noqa: PLC0415  # Its tests say that they need it.

    return yaml.safe_load(block(title, "yaml"))


def typed() -> list[str]:
    """Give all commands of ours that the page lets somebody type, what tox and nox fill in left out."""
    found = re.findall(
        r"(?:- run: |    - |commands = |entry: |`)(pytest --env-lock.*?)(?: \{posargs\})?`?$", PAGE, re.MULTILINE
    )
    inline = re.findall(r"`(pytest --env-lock[^`\n]*)`", PAGE)
    return [*dict.fromkeys(each.partition("`")[0] for each in [*found, *inline])]


@pytest.mark.parametrize("language", [pytest.param("yaml", marks=pytest.mark.requires_integration("yaml")), "ini"])
def test_blocks_can_be_read(language: str) -> None:
    """What is printed as YAML or INI is that, on every page."""
    found = [text for page in PAGES for text in blocks(page.read_text(encoding="utf-8"), language)]

    assert found
    for text in found:
        if language == "ini":
            configparser.ConfigParser(interpolation=None).read_string(text)
        else:
            import yaml  # noqa: PLC0415

            assert yaml.safe_load(text)


@pytest.mark.parametrize("command", typed())
def test_commands(project: Project, site: Site, command: str) -> None:
    """Every command of a recipe runs, and fails on the fault that is planted; it leaves the files that are uploaded."""
    quickstart(project, site)
    project.write({"requirements-dev.in": "click\n", "requirements-dev.txt": "click==8.5.1\n"})
    program, *arguments = shlex.split(command)
    assert program == "pytest"

    assert project.pytester.runpytest_inprocess("-p", "no:randomly", *arguments, "-k", "requirements.txt").ret == 0

    spoil(project, site)

    assert project.pytester.runpytest_inprocess("-p", "no:randomly", *arguments, "-k", "requirements.txt").ret == 1
    for name in re.findall(r"--(?:env-report|junitxml)=(\S+)", command):
        assert (project.path / name).exists()


@pytest.mark.requires_integration("yaml")
def test_github_uploads_the_report() -> None:
    """The workflow installs the lock, then the plugin, and uploads the report whatever happened."""
    steps = load_yaml("GitHub Actions")["jobs"]["tests"]["steps"]
    *_, lock, plugin, run, upload = steps

    assert (lock["run"], plugin["run"]) == ("pip install -r requirements.txt", "pip install pytest-envrepro")
    assert f"--env-report={upload['with']['path']}" in run["run"]
    assert upload["if"] == "always()"


@pytest.mark.requires_integration("yaml")
def test_gitlab_uploads_the_reports() -> None:
    """What the job uploads is what pytest writes, also where it fails."""
    job = load_yaml("GitLab")["test"]

    assert job["artifacts"]["when"] == "always"
    for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert f"={path}" in job["script"][-1]


def test_annotations_as_printed(project: Project, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page prints what the log of the example gets, and what GitHub makes of its first line."""
    quickstart(project, site)
    spoil(project, site)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    printed, shown = blocks(section("GitHub Actions"), "text")

    said = [line for line in project.run().outlines if line.startswith("::")]

    assert said == printed.splitlines()
    first = commands(said)[0]
    assert f"line {first.properties['line']} in {first.properties['file']}\n" in shown
    assert f"     {first.properties['title']}\n" in shown
    assert f"     {first.data[:60]}" in shown


@pytest.mark.requires_integration("yaml")
def test_pre_commit(project: Project, site: Site) -> None:
    """The hook's command passes, and stops a commit that would make the lock lie; it asks for the files that matter."""
    quickstart(project, site)
    import yaml  # noqa: PLC0415  # It says that it needs it.

    (hook,) = yaml.safe_load(blocks(section("pre-commit"), "yaml")[1])["repos"][0]["hooks"]
    pattern = re.compile(hook["files"])

    def run() -> int:
        program, *arguments = shlex.split(hook["entry"])
        done = subprocess.run([BIN / program, *arguments], cwd=project.path, check=False, capture_output=True)
        return done.returncode

    assert (hook["language"], hook["pass_filenames"]) == ("system", False)
    assert [bool(pattern.search(name)) for name in ("requirements.in", "requirements.txt", "a/requirements.txt")] == [
        True,
        True,
        False,
    ]
    assert run() == 0
    spoil(project, site)
    assert run() == 1
    with_names = f"{hook['entry']} requirements.in"
    assert project.pytester.runpytest_inprocess("-p", "no:randomly", *shlex.split(with_names)[1:]).ret == 4


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheel of this plugin, for pip to find it."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, cwd=folder)
    return folder


each_tool = pytest.mark.parametrize(
    ("program", "file", "language"),
    [
        pytest.param("tox", "tox.ini", "ini", marks=pytest.mark.requires_integration("network", "tox")),
        pytest.param("nox", "noxfile.py", "python", marks=pytest.mark.requires_integration("network", "nox")),
    ],
    ids=["tox", "nox"],
)


def _run(program: str, folder: Path, environ: Mapping[str, str], *options: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [BIN / program, *options],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@each_tool
def test_tool(tmp_path: Path, wheels: Path, program: str, file: str, language: str) -> None:
    """Both follow their recipes: strict, since CI gets through, with annotations and the summary of the step."""
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (folder / file).write_text(block(program, language), encoding="utf-8")
    environ = {
        **outside(),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "PIP_FIND_LINKS": str(wheels),
    }

    code, lines = _run(program, folder, environ)

    assert code == 0, lines
    assert any(re.match(r"environment reproducibility: clean, 4 checks, 11 of 11 pins proven, ", x) for x in lines)
    assert any(line.startswith("envrepro (strict): ") for line in lines)

    with (folder / "requirements.in").open("a", encoding="utf-8") as inputs:
        inputs.write("httpx\n")
    again = {"tox": (), "nox": ("--reuse-existing-virtualenvs",)}[program]
    code, lines = _run(program, folder, environ, *again)

    assert code == 1
    assert [each.properties["file"] for each in commands(lines) if each.name == "error"] == [
        "quickstart/requirements.in"
    ]
    headings = re.findall("^### .*$", (tmp_path / "summary").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [f"### Environment reproducibility of quickstart: {word}" for word in ("clean", "broken")]


class Part(NamedTuple):
    """A job of the matrix: what it types, with which variables, and the file that it uploads."""

    script: list[str]
    variables: dict[str, str]
    uploads: str


def matrix_block(language: str, number: int = 0) -> str:
    """Give a block of the section of the matrix."""
    return blocks(section("A matrix of jobs"), language)[number]


def github_matrix() -> tuple[list[Part], list[str]]:
    """Give the jobs that GitHub makes of the matrix, and the script of the last one."""
    import yaml  # noqa: PLC0415  # The test says that it needs it.

    jobs = yaml.safe_load(matrix_block("yaml"))["jobs"]
    tests, last = jobs["tests"], jobs["ran-somewhere"]
    assert (last["needs"], last["if"]) == ("tests", "${{ !cancelled() }}")
    parts = []
    for values in tests["strategy"]["matrix"]["include"]:

        def fill(text: str, values: Mapping[str, str] = values) -> str:
            return re.sub(r"\$\{\{ matrix\.([\w-]+) \}\}", lambda found: values.get(found[1], ""), text)

        steps = [each for each in tests["steps"] if "run" in each and ("if" not in each or "installs" in values)]
        upload = tests["steps"][-1]
        assert upload["if"] == "always()"
        variables = {name: fill(value) for name, value in tests["env"].items()}
        parts.append(Part([fill(each["run"]) for each in steps], variables, fill(upload["with"]["path"])))
    return parts, [each["run"] for each in last["steps"] if "run" in each]


def gitlab_matrix() -> tuple[list[Part], list[str]]:
    """Give the jobs of GitLab's first stage, and the script of the last one."""
    import yaml  # noqa: PLC0415  # The test says that it needs it.

    jobs = yaml.safe_load(matrix_block("yaml", 1))
    before = jobs["default"]["before_script"]
    named = {name: jobs[name] for name in ("plain", "workbook", "ran-somewhere")}
    last = named.pop("ran-somewhere")
    assert last["when"] == "always"
    assert jobs["stages"].index(last["stage"]) == len(jobs["stages"]) - 1
    assert all(each["artifacts"] == {"when": "always", "paths": ["reports"]} for each in named.values())
    parts = [Part([*before, *each["script"]], {}, f"reports/{name}.json") for name, each in named.items()]
    return parts, [*before, *last["script"]]


@pytest.mark.requires_tools("bash")
@pytest.mark.requires_integration("pip", "yaml")
@pytest.mark.parametrize("matrix", [github_matrix, gitlab_matrix], ids=["GitHub", "GitLab"])
def test_matrix(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    matrix: Callable[[], tuple[list[Part], list[str]]],
) -> None:
    """Each job passes and leaves its report; the last one passes, and fails where the job with the part is not there."""
    table = (OPTIONAL_PARTS / "pyproject.toml").read_text(encoding="utf-8")
    test = '@pytest.mark.requires_integration("workbook")\ndef test_it():\n    import openpyxl\n'
    project.write({"pyproject.toml": table, "tests/test_it.py": f"import pytest\n\n{test}"})
    index = Index(project.path / "index")
    index.add("openpyxl", "3.1.5")
    use(index, monkeypatch)

    def run(script: list[str], **variables: str) -> int:
        # The plugin is installed here already.
        assert script[0] == "pip install pytest-envrepro"
        command = f"bash -ec {shlex.quote(chr(10).join(script[1:]))}"
        return shell(command, project.path, CI="true", **variables)[0]

    parts, last = matrix()
    for part in parts:
        site = str(project.path / Path(part.uploads).stem)
        assert run(part.script, PIP_TARGET=site, PYTHONPATH=site, **part.variables) == 0
        assert (project.path / part.uploads).exists()

    assert run(last) == 0
    (project.path / "reports" / "workbook.json").unlink()
    assert run(last) == 1


@each_tool
def test_matrix_of_a_tool(tmp_path: Path, wheels: Path, program: str, file: str, language: str) -> None:
    """Both run the matrix, strict, and join its reports."""
    folder = tmp_path / "it"
    shutil.copytree(OPTIONAL_PARTS, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (folder / file).write_text(matrix_block(language), encoding="utf-8")

    code, lines = _run(program, folder, {**outside(), "CI": "true", "PIP_FIND_LINKS": str(wheels)})

    assert code == 0, lines
    assert "2 reports: 0 tests and 0 integrations ran in none of them" in lines
    assert not any("pass_env" in line for line in lines)  # It would say so where a session is not strict.
