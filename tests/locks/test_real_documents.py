"""What the locks of public projects that are one document taught (docs/field.md): each surprise, in few files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import Case
from locks.documents import judged

if TYPE_CHECKING:
    from pathlib import Path


INDEX = 'source = { registry = "https://index.example/simple" }'
HASH = f"sha256:{'0' * 64}"
WHEEL = "https://index.example/files/{name}-{version}-py3-none-any.whl"


def uv_package(name: str, version: str, more: str = "") -> str:
    """Write a package of a `uv.lock` that comes from an index."""
    wheel = f'{{ url = "{WHEEL.format(name=name, version=version)}", hash = "{HASH}" }}'
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n{INDEX}\n{more}wheels = [{wheel}]\n\n'


def uv_project(name: str, place: str, asked: list[str], copies: list[str], version: str = 'version = "1"\n') -> str:
    """Write a project of a `uv.lock`: the names of what it needs, and the copy of what it asks for."""
    needs = "".join(f'    {{ name = "{each}" }},\n' for each in asked)
    listed = "".join(f"    {{ {each} }},\n" for each in copies)
    return (
        f'[[package]]\nname = "{name}"\n{version}source = {{ {place} }}\ndependencies = [\n{needs}]\n\n'
        f"[package.metadata]\nrequires-dist = [\n{listed}]\n\n"
    )


UV = 'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n\n'

# langchain-ai/langgraph: the project names folders beside it, and takes another package of its own from one too.
FOLDERS = {
    "app/pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\n'
    'dependencies = ["cli", "sdk"]\n'
    '[tool.uv.sources]\ncli = { path = "../cli", editable = true }\nsdk = { path = "../sdk", editable = true }\n',
    "cli/pyproject.toml": '[project]\nname = "cli"\nversion = "1"\ndependencies = ["sdk>=0.1"]\n',
    "sdk/pyproject.toml": '[project]\nname = "sdk"\nversion = "1"\ndependencies = []\n',
    "app/uv.lock": UV
    + uv_project(
        "app",
        'virtual = "."',
        ["cli", "sdk"],
        ['name = "cli", editable = "../cli"', 'name = "sdk", editable = "../sdk"'],
    )
    + uv_project("cli", 'editable = "../cli"', ["sdk"], ['name = "sdk", specifier = ">=0.1"'])
    + '[[package]]\nname = "sdk"\nversion = "1"\nsource = { editable = "../sdk" }\n',
}

# pydantic/pydantic: a project was taken into a workspace, and its own lock stayed.
WORKSPACE = {
    "pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["core"]\n'
    '[tool.uv.workspace]\nmembers = ["core"]\n[tool.uv.sources]\ncore = { workspace = true }\n',
    "uv.lock": UV
    + '[manifest]\nmembers = ["app", "core"]\n\n'
    + uv_project("app", 'virtual = "."', ["core"], ['name = "core", editable = "core"'])
    + uv_project("core", 'editable = "core"', ["click"], ['name = "click"'])
    + uv_package("click", "8.2.1"),
    "core/pyproject.toml": '[project]\nname = "core"\nversion = "1"\nrequires-python = ">=3.10"\n'
    'dependencies = ["click"]\n[build-system]\nrequires = ["setuptools"]\n',
    "core/uv.lock": UV + uv_project("core", 'editable = "."', ["six"], ['name = "six"']) + uv_package("six", "1.17.0"),
}

# thunderbird/thunderbird-notifications: what it needs stands in a requirements file.
IN_A_FILE = {
    "pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\n'
    'dynamic = ["dependencies", "optional-dependencies"]\n'
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[tool.setuptools.dynamic]\ndependencies = { file = ["requirements.txt"] }\n'
    'optional-dependencies.fast = { file = ["fast.txt"] }\n',
    "requirements.txt": "# What it needs.\nclick>=8\n",
    "fast.txt": "six\n",
    "uv.lock": UV
    + '[[package]]\nname = "app"\nversion = "1"\nsource = { editable = "." }\n'
    + 'dependencies = [{ name = "click" }]\n\n[package.optional-dependencies]\nfast = [{ name = "six" }]\n\n'
    + '[package.metadata]\nrequires-dist = [\n    { name = "click", specifier = ">=8" },\n'
    + '    { name = "six", marker = "extra == \'fast\'" },\n]\nprovides-extras = ["fast"]\n\n'
    + uv_package("click", "8.2.1")
    + uv_package("six", "1.17.0"),
}


@pytest.mark.core
class TestUv:
    """`uv.lock`; what uv itself says of each is in the page."""

    def test_sources_are_of_one_project(self, tmp_path: Path) -> None:
        """langchain-ai/langgraph: a folder outside of the workspace has not the sources of the project that names it."""
        assert Case(tmp_path, FOLDERS).findings("lock", "app/uv.lock") == []

    def test_sources_of_another_workspace(self, tmp_path: Path) -> None:
        """What belongs to a workspace of its own has the sources of that one."""
        lock = FOLDERS["app/uv.lock"].replace('name = "sdk", specifier = ">=0.1"', 'name = "sdk", editable = "../sdk"')
        root = '[tool.uv.workspace]\nmembers = ["cli"]\n[tool.uv.sources]\nsdk = { path = "sdk", editable = true }\n'
        case = Case(tmp_path, {**FOLDERS, "app/uv.lock": lock, "pyproject.toml": root})

        assert case.findings("lock", "app/uv.lock") == []

        case.write({"pyproject.toml": root.replace('"cli"', '"other"')})
        ((code, key, *_, message),) = case.findings("lock", "app/uv.lock")
        assert (code, key) == ("stale-stamp", "requires-dist")
        assert message == (
            "cli/pyproject.toml:4 asks for sdk>=0.1, and the copy in the lock has sdk from sdk"
            ": the pins still hold, only the stamp is old"
        )

    def test_lock_left_behind(self, tmp_path: Path) -> None:
        """pydantic/pydantic: a lock that uv no longer reads is not compared, and its reason says what to do with it."""
        case = Case(tmp_path, WORKSPACE)

        assert case.findings("lock", "uv.lock") == []
        judged = case.judge("lock", "core/uv.lock")
        assert (judged.status, judged.findings) == ("unchecked", ())
        assert judged.reason == (
            "uv reads uv.lock in its place, as core/pyproject.toml is of the workspace of pyproject.toml: "
            "remove core/uv.lock"
        )

    @pytest.mark.parametrize(
        ("file", "old", "new"),
        [
            ("pyproject.toml", 'members = ["core"]', 'members = ["core"]\nexclude = ["core"]'),
            ("pyproject.toml", 'members = ["core"]', 'members = ["other"]'),
            ("core/pyproject.toml", "[build-system]", "[tool.uv.workspace]\n[build-system]"),
        ],
    )
    def test_lock_of_its_own(self, tmp_path: Path, file: str, old: str, new: str) -> None:
        """A project that is no member, or the root of a workspace itself, has a lock of its own, which is judged."""
        assert old in WORKSPACE[file]
        case = Case(tmp_path, {**WORKSPACE, file: WORKSPACE[file].replace(old, new)})

        assert ("missing-direct", "click") in [each[:2] for each in case.findings("lock", "core/uv.lock")]

    def test_requirements_in_a_file(self, tmp_path: Path) -> None:
        """thunderbird/thunderbird-notifications: what setuptools reads from requirements files is asked for too."""
        case = Case(tmp_path, IN_A_FILE)
        assert case.findings("lock", "uv.lock") == []

        case.write({"requirements.txt": "click>=8\nrich\n", "fast.txt": "six>=2\n"})
        assert [each[:2] + each[4:] for each in case.findings("lock", "uv.lock")][:2] == [
            ("violated-direct", "six", "fast.txt:1", "uv.lock:27 pins 1.17.0"),
            ("missing-direct", "rich", "requirements.txt:2", "not pinned in uv.lock"),
        ]

    def test_file_of_requirements_gone(self, tmp_path: Path) -> None:
        """A requirements file that the project names and that is not there is told where it is named."""
        case = Case(tmp_path, IN_A_FILE)
        (case.root / "fast.txt").unlink()

        assert case.findings("lock", "uv.lock")[0][:5] == ("input-missing", None, "fast.txt", None, "pyproject.toml:11")

    @pytest.mark.parametrize(
        ("settings", "key"),
        [
            ('exclude-newer = "7 days"', "exclude-newer"),
            ('resolution = "lowest-direct"', "resolution-mode"),
            ('resolution = "highest"', None),
            ('prerelease = "allow"', "prerelease-mode"),
            ('prerelease = "if-necessary-or-explicit"', None),
            ('prerelease = "if-necessary"', None),
            ('fork-strategy = "fewest"', "fork-strategy"),
            ("environments = [\"sys_platform == 'linux'\"]", "supported-markers"),
            ("required-environments = [\"sys_platform == 'linux'\"]", "required-markers"),
            ('conflicts = [[{extra = "a"}, {extra = "b"}]]', "conflicts"),
            ('exclude-dependencies = ["six"]', None),
            ('exclude-dependencies = ["click"]', "excludes"),
            ('constraint-dependencies = ["six<2"]', None),
            ('constraint-dependencies = ["click<9"]', "constraints"),
            ('override-dependencies = ["six<2"]', None),
            ('override-dependencies = ["click<9"]', "overrides"),
            ('build-constraint-dependencies = ["setuptools<80"]', "build-constraints"),
        ],
    )
    def test_settings(self, tmp_path: Path, settings: str, key: str | None) -> None:
        """openai/openai-agents-python: how the lock was resolved is of its inputs; of bounds, those on what is locked."""
        project = TestPylock.PROJECT.replace("3.9", "3.10")
        lock = UV + uv_project("app", 'virtual = "."', ["click"], ['name = "click"']) + uv_package("click", "8.2.1")
        case = Case(tmp_path, {"pyproject.toml": f"{project}[tool.uv]\n{settings}\n", "uv.lock": lock})

        found = [each[:2] for each in case.findings("lock", "uv.lock")]

        assert found == ([("stale-stamp", key)] if key else [])

    @pytest.mark.parametrize(
        ("asked", "kept", "is_same"),
        [
            ("7 days", "exclude-newer-span = 'P7D'", True),
            ("7 days", "", False),
            ("2026-05-01", "", True),
            ("2026-05-01", "exclude-newer-span = 'P7D'", False),
        ],
    )
    def test_span(self, tmp_path: Path, asked: str, kept: str, *, is_same: bool) -> None:
        """openai/openai-agents-python: a day that became a span of time; which day it is tells nothing of the pins."""
        project = TestPylock.PROJECT.replace("3.9", "3.10") + f'[tool.uv]\nexclude-newer = "{asked}"\n'
        lock = UV + f'[options]\nexclude-newer = "2026-05-02T00:00:00Z"\n{kept}\n\n'
        lock += uv_project("app", 'virtual = "."', ["click"], ['name = "click"']) + uv_package("click", "8.2.1")

        found = Case(tmp_path, {"pyproject.toml": project, "uv.lock": lock}).findings("lock", "uv.lock")

        message = f"pyproject.toml asks for exclude-newer = '{asked}', and uv.lock was made with another"
        assert [each[5] for each in found] == (
            [] if is_same else [f"{message}: the pins still hold, only the stamp is old"]
        )

    def test_groups_by_another_key(self, tmp_path: Path) -> None:
        """Ponte-Energy-Partners/peprock: uv 0.4 wrote groups under `dependency-groups` once, which later ones read."""
        project = TestPylock.PROJECT.replace("3.9", "3.10") + '[dependency-groups]\ndev = ["six>=1"]\n'
        lock = UV + uv_project("app", 'virtual = "."', ["click"], ['name = "click"']).replace(
            "[package.metadata]", '[package.dependency-groups]\ndev = [{ name = "six" }]\n\n[package.metadata]'
        )
        lock += '[package.metadata.dependency-groups]\ndev = [{ name = "six", specifier = ">=1" }]\n\n'
        lock += uv_package("click", "8.2.1") + uv_package("six", "1.17.0")
        case = Case(tmp_path, {"pyproject.toml": project, "uv.lock": lock})

        assert case.findings("lock", "uv.lock") == []
        assert [each[1] for each in case.findings("installed", "uv.lock")] == ["click", "six"]

    def test_settings_that_are_kept(self, tmp_path: Path) -> None:
        """What the lock says of them agrees, in the words that uv has for it; what the project does not say may differ."""
        project = (
            TestPylock.PROJECT.replace("3.9", "3.10") + "[tool.uv]\nconflicts = [[{extra = 'a'}, {extra = 'b'}]]\n"
            "environments = [\"platform_system == 'Windows' and python_version >= '3'\", \"sys_platform == 'linux'\"]\n"
        )
        head = UV + (
            "supported-markers = [\n    \"sys_platform == 'linux'\",\n    \"sys_platform == 'win32'\",\n]\n"
            'conflicts = [[\n    { package = "app", extra = "a" },\n    { package = "app", extra = "b" },\n]]\n\n'
            '[options]\nresolution-mode = "lowest"\nprerelease-mode = "explicit"\nfork-strategy = "fewest"\n'
            'exclude-newer = "0001-01-01T00:00:00Z"\nexclude-newer-span = "P1W"\n\n'
        )
        lock = head + uv_project("app", 'virtual = "."', ["click"], ['name = "click"']) + uv_package("click", "8.2.1")
        same = 'resolution = "lowest"\nprerelease = "explicit"\nfork-strategy = "fewest"\nexclude-newer = "1 week"\n'
        case = Case(tmp_path, {"pyproject.toml": project, "uv.lock": lock})
        assert case.findings("lock", "uv.lock") == []

        case.write({"uv.toml": same})
        assert case.findings("lock", "uv.lock") == []

        case.write({"uv.toml": same.replace('"lowest"', '"highest"')})
        assert case.findings("lock", "uv.lock")[0][5] == (
            "uv.toml asks for resolution = 'highest', and uv.lock was made with 'lowest'"
            ": the pins still hold, only the stamp is old"
        )

    def test_python_of_another_tool(self, tmp_path: Path) -> None:
        """Textualize/textual: uv reads nothing of Poetry's table, and takes the Pythons of its own: those make no lock old."""
        pyproject = '[tool.poetry]\nname = "app"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.9"\n'
        case = Case(tmp_path, {"pyproject.toml": pyproject, "uv.lock": UV})

        assert case.findings("lock", "uv.lock") == []


def poetry_package(name: str, version: str, more: str = "", files: str = "[]") -> str:
    """Write a package of a `poetry.lock`, without its dependencies."""
    head = f'[[package]]\nname = "{name}"\nversion = "{version}"\ndescription = ""\noptional = false\n'
    return f'{head}python-versions = "*"\n{more}files = {files}\n\n'


def poetry_end(schema: str, content_hash: str = "0") -> str:
    """Write the end of a `poetry.lock`."""
    return f'[metadata]\nlock-version = "{schema}"\npython-versions = ">=3.10"\ncontent-hash = "{content_hash}"\n'


@pytest.mark.core
class TestPoetry:
    """`poetry.lock`; the hash of these small projects is none of Poetry's, and is left out."""

    PROJECT = '[tool.poetry]\nname = "app"\nversion = "1"\n[tool.poetry.dependencies]\npython = ">=3.10"\n'

    def test_marker_that_never_holds(self, tmp_path: Path) -> None:
        """AmpelAstro/Ampel-HU-astro: Poetry writes `<empty>`, of a package, of one group, and of what a package needs."""
        lock = (
            poetry_package("click", "8.2.1", 'groups = ["main"]\n')
            + '[package.dependencies]\ncolorama = {version = "*", markers = "<empty>"}\n\n'
            + poetry_package("six", "1.16.0", 'groups = ["main", "old"]\nmarkers = "<empty>"\n')
            + poetry_package(
                "six",
                "1.17.0",
                'groups = ["main", "old"]\nmarkers = {main = "python_version > \\"3\\"", old = "<empty>"}\n',
            )
            + poetry_end("2.1")
        )
        group = '[tool.poetry.group.old.dependencies]\nsix = "*"\n'
        case = Case(tmp_path, {"pyproject.toml": f'{self.PROJECT}click = "*"\nsix = "*"\n{group}', "poetry.lock": lock})

        assert judged(case, "poetry.lock") == []
        assert [each[:2] for each in case.findings("installed", "poetry.lock")] == [
            ("not-installed", "click"),
            ("not-installed", "six"),
        ]

    @pytest.mark.parametrize(
        ("schema", "groups", "extra", "missing"),
        [
            ("2.0", "", "tomli", []),
            ("2.1", 'groups = ["main"]\n', 'tomli ; python_full_version <= \\"3.11.0a6\\"', []),
            ("2.1", 'groups = ["main"]\n', "tomli", ["tomli"]),
        ],
    )
    def test_extra_without_its_marker(
        self, tmp_path: Path, schema: str, groups: str, extra: str, missing: list[str]
    ) -> None:
        """Fuyukai/pg-purepy: lists of extras had no markers before Poetry 2: what stands there may be for other Pythons."""
        lock = (
            poetry_package("coverage", "7.6.4", groups)
            + f'[package.extras]\ntoml = ["{extra}"]\n\n'
            + poetry_package("pytest-cov", "6.0", groups)
            + '[package.dependencies]\ncoverage = {version = ">=7.5", extras = ["toml"]}\n\n'
            + poetry_end(schema)
        )
        case = Case(tmp_path, {"pyproject.toml": f'{self.PROJECT}pytest-cov = "*"\n', "poetry.lock": lock})
        case.run_on("3.11.7")

        assert [each[1] for each in judged(case, "poetry.lock")] == missing

    def test_hyphen_in_a_version(self, tmp_path: Path) -> None:
        """python-poetry/poetry-core: `3.2.3-2` is a version, and its archive has that in its name."""
        file = '[{file = "functools32-3.2.3-2.tar.gz", hash = "sha256:00"}]'
        wheel = '[{file = "six-1.17.0-py2.py3-none-any.whl", hash = "sha256:00"}]'
        lock = poetry_package("functools32", "3.2.3-2", files=file) + poetry_package("six", "1.17.0", files=wheel)
        project = f'{self.PROJECT}functools32 = "*"\nsix = "*"\n'
        case = Case(tmp_path, {"pyproject.toml": project, "poetry.lock": lock + poetry_end("2.0")})

        assert judged(case, "poetry.lock") == []

    def test_files_that_were_lost(self, tmp_path: Path) -> None:
        """Ethanator/hubmap-organ-segmentation: half of the packages have no file, so no hash; Poetry finds nothing wrong."""
        wheel = '[{file = "six-1.17.0-py2.py3-none-any.whl", hash = "sha256:00"}]'
        lock = poetry_package("click", "8.2.1") + poetry_package("six", "1.17.0", files=wheel) + poetry_end("2.0")
        case = Case(tmp_path, {"pyproject.toml": f'{self.PROJECT}click = "*"\nsix = "*"\n', "poetry.lock": lock})

        assert judged(case, "poetry.lock") == [
            (
                "partial-hashes",
                "click",
                None,
                "8.2.1",
                "poetry.lock:1",
                "no hash, though other pins have one: what is installed may be any file",
            )
        ]


PDM_HEAD = """# This file is @generated by PDM.
# It is not intended for manual editing.
lock-version = "1.0"
requires-python = ">=3.9"
environments = ["python_version >= \\"{python}\\""]
extras = []
dependency-groups = ["default"]
default-groups = ["default"]
created-by = "pdm"
"""
PDM_PACKAGE = """
[[packages]]
name = "{name}"
version = "{version}"
marker = "python_version >= \\"{python}\\" and \\"default\\" in dependency_groups"
wheels = [{{name = "{name}-{version}-py3-none-any.whl", url = "https://index.example/{name}", hashes = {{sha256 = "00"}}}}]

[packages.tool.pdm]
dependencies = []
"""
PDM_END = """
[tool.pdm]
hashes = {sha256 = "00"}
strategy = ["inherit_metadata"]
"""


def pdm_lock(python: str, **versions: str) -> str:
    """Write a `pylock.toml` as pdm does, which takes it for its lock."""
    packages = [PDM_PACKAGE.format(name=name, version=version, python=python) for name, version in versions.items()]
    return PDM_HEAD.format(python=python) + "".join(packages) + PDM_END


@pytest.mark.requires_packages("packaging>=26")
class TestPylock:
    """`pylock.toml` and `pylock.NAME.toml`, but for their stamps, which are made up here."""

    PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["click"]\n'

    def test_several_of_one_project(self, tmp_path: Path) -> None:
        """Five-Colleges-Incorporated/ldlite: locks with names of their own are for other things, and may differ."""
        files = {
            "pyproject.toml": self.PROJECT,
            "pylock.toml": pdm_lock("3.9", click="8.2.1"),
            "pylock.minimal.toml": pdm_lock("3.9", click="8.0.0"),
        }
        case = Case(tmp_path, files)

        assert judged(case, "pylock.toml") == []
        assert judged(case, "pylock.minimal.toml") == []

    def test_environments_of_a_later_python(self, tmp_path: Path) -> None:
        """Five-Colleges-Incorporated/ldlite: `pdm lock --python 3.13` keeps `requires-python`: its markers are for 3.13."""
        case = Case(tmp_path, {"pyproject.toml": self.PROJECT, "pylock.maximal.toml": pdm_lock("3.13", click="8.2.1")})
        case.run_on("3.11.7")

        assert judged(case, "pylock.maximal.toml") == []

        case.write({"pyproject.toml": self.PROJECT.replace('"click"', '"click", "six"')})
        assert [each[:2] for each in judged(case, "pylock.maximal.toml")] == [("missing-direct", "six")]

    def test_export_of_the_project_itself(self, tmp_path: Path) -> None:
        """HisQu/buildben, Comfy-Org/comfy-cli: `uv export` writes the project too, by its folder; no lock pins that."""
        lock = UV + uv_project("app", 'editable = "."', ["click"], ['name = "click"']) + uv_package("click", "8.2.1")
        pylock = (
            "# This file was autogenerated by uv via the following command:\n#    uv export -o pylock.toml\n"
            'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.10"\n\n'
            '[[packages]]\nname = "app"\ndirectory = { path = ".", editable = true }\n\n'
            '[[packages]]\nname = "click"\nversion = "8.2.1"\nindex = "https://index.example/simple"\n'
            f'wheels = [{{ url = "{WHEEL.format(name="click", version="8.2.1")}", hashes = {{ sha256 = "{"0" * 64}" }} }}]\n'
        )
        project = self.PROJECT.replace("3.9", "3.10")
        case = Case(tmp_path, {"pyproject.toml": project, "uv.lock": lock, "pylock.toml": pylock})
        assert judged(case, "pylock.toml") == []

        case.write({"uv.lock": lock.replace("8.2.1", "8.3.0")})
        assert [each[:4] for each in judged(case, "pylock.toml")] == [("derived-drift", "click", "==8.3.0", "8.2.1")]
