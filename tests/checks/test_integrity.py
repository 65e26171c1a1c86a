"""The installed files are what RECORD says: by a look at each in every session, or by their content on request."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from judging import Case
from making import digest, install, metadata, pip_compiled, wheel

from pytest_envrepro.checks.integrity import IntegrityCheck
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.selection import CheckId
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Project, Site

    from pytest_envrepro.inventory import Recorded
    from pytest_envrepro.outcome import Outcome

pytestmark = pytest.mark.core

LOCK = pip_compiled("app==1\n")
FILES = {"app/__init__.py": "version = 1\n", "app/core.py": "def run(): pass\n"}
CORE = digest(FILES["app/core.py"])


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Give an environment with one distribution of two modules, for which the table asks."""
    case = Case(tmp_path, {"envrepro.toml": "integrity = true\n", "requirements.txt": LOCK})
    case.install("app", "1", files=FILES)
    return case


def judge(case: Case, *, full: bool = False) -> Outcome:
    """Judge what the table asks for."""
    case.write({"envrepro.toml": 'integrity = "full"\n' if full else "integrity = true\n"})
    return case.judge("integrity")


def findings(case: Case, *, full: bool = False) -> list[tuple[str | None, ...]]:
    """Give what the check finds, as (code, package, expected, actual, message)."""
    found = judge(case, full=full).findings
    assert all((each.file, each.line) == (None, None) for each in found)
    return [(each.code, each.package, each.expected, each.actual, each.message) for each in found]


def rows(*lines: str) -> str:
    """Give a RECORD of the distribution's modules, and more lines."""
    listed = [f"{path},{digest(text)},{len(text)}" for path, text in FILES.items()]
    return "".join(f"{line}\n" for line in [*listed, *lines])


def record(case: Case, content: str | bytes) -> None:
    """Replace the RECORD."""
    path = case.site / "app-1.dist-info" / "RECORD"
    path.write_bytes(content.encode() if isinstance(content, str) else content)


class TestFiles:
    """Each file is there, and as it was installed."""

    @pytest.mark.parametrize("full", [False, True])
    def test_clean(self, case: Case, full: bool) -> None:  # noqa: FBT001  # A parameter of the test.
        """All is as it was installed; it is said how much was looked at."""
        outcome = judge(case, full=full)

        assert (outcome.status, outcome.findings, outcome.reason) == ("clean", (), None)
        assert outcome.detail == "1 distribution, 6 files"

    def test_many_files(self, case: Case) -> None:
        """Thousands are told as people write them."""
        record(case, rows(*["app/core.py,,"] * 1998))

        assert judge(case).detail == "1 distribution, 2,000 files"

    @pytest.mark.parametrize("table", ["", "integrity = false\n"])
    def test_not_asked(self, case: Case, table: str) -> None:
        """Without the table's word there is no such check."""
        case.write({"envrepro.toml": table})

        assert IntegrityCheck().subjects(case.facts) == ()

    def test_modified(self, case: Case) -> None:
        """Another size."""
        (case.site / "app" / "core.py").write_text("def run(): return 1\n")

        assert findings(case) == [
            ("modified-file", "app", "16 bytes", "20 bytes", "app/core.py has 20 bytes, its RECORD says 16 bytes")
        ]
        assert judge(case).status == "broken"
        assert [each.fix for each in judge(case).findings] == ["pip install --force-reinstall --no-deps app==1"]

    def test_modified_in_the_same_size(self, case: Case) -> None:
        """Another content of the same size, with the file's own time put back."""
        path = case.site / "app" / "core.py"
        status = path.stat()
        path.write_text("def ran(): pass\n")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        message = "app/core.py has another content than its RECORD says"
        assert findings(case) == [("modified-file", "app", CORE, digest("def ran(): pass\n"), message)]

    def test_modified_in_a_copy(self, case: Case) -> None:
        """A change before an environment was copied: the copy keeps the times, and has been given inodes since."""
        path = case.site / "app" / "core.py"
        status = path.stat()
        path.write_text("def ran(): pass\n")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        copy = case.site.with_name("copy")
        time.sleep(0.02)
        shutil.copytree(case.site, copy)  # By name: RECORD last or not is chance.
        case.site = copy
        time.sleep(0.02)
        os.chmod(copy / "app-1.dist-info" / "RECORD", 0o600)

        assert [each[0] for each in findings(case)] == ["modified-file"]

    def test_time_of_record_in_the_future(self, case: Case) -> None:
        """A RECORD from a machine whose clock is fast hides nothing."""
        os.utime(case.site / "app-1.dist-info" / "RECORD", (2**33, 2**33))
        time.sleep(0.02)
        (case.site / "app" / "core.py").write_text("def ran(): pass\n")

        assert [each[0] for each in findings(case)] == ["modified-file"]

    def test_not_read_again(self, case: Case) -> None:
        """A file that is older than RECORD is not hashed, unless all is asked for."""
        time.sleep(0.02)
        record(case, rows().replace(CORE, digest("def ran(): pass\n")))

        assert findings(case) == []
        assert [each[:4] for each in findings(case, full=True)] == [
            ("modified-file", "app", digest("def ran(): pass\n"), CORE)
        ]

    def test_missing(self, case: Case) -> None:
        """A file was removed, and a whole folder is a file."""
        shutil.rmtree(case.site / "app")
        (case.site / "app").write_text("")

        assert findings(case) == [
            ("missing-file", "app", digest("version = 1\n"), None, "app/__init__.py is missing"),
            ("missing-file", "app", CORE, None, "app/core.py is missing"),
        ]

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_no_regular_file(self, case: Case, make: Callable[[Path], None]) -> None:
        """A folder or a FIFO in the place of a file; nobody waits for somebody to write."""
        path = case.site / "app" / "core.py"
        path.unlink()
        make(path)

        for full in (False, True):
            assert findings(case, full=full) == [
                ("modified-file", "app", CORE, "no regular file", "app/core.py is no regular file")
            ]

    def test_without_hash(self, case: Case) -> None:
        """Of what has neither hash nor size only the existence is known; of what has a size, that."""
        record(case, "app/__init__.py,,\napp/core.py,,17\napp/gone.py,,\napp/away.py,,3\napp,,\n")

        assert findings(case) == [
            ("missing-file", "app", None, None, "app/gone.py is missing"),
            ("missing-file", "app", "3 bytes", None, "app/away.py is missing"),
            ("modified-file", "app", "17 bytes", "16 bytes", "app/core.py has 16 bytes, its RECORD says 17 bytes"),
        ]

    def test_bytecode(self, case: Case) -> None:
        """Python writes and removes its own; what is shipped in the place of sources counts."""
        (case.site / "app" / "shipped.pyc").write_text("new")
        shipped = f"app/shipped.pyc,{digest('old')},3"
        record(
            case, rows("app/__pycache__/core.cpython-311.pyc,,", f"app/__pycache__/x.pyc,{CORE},9", "a.pyc,,", shipped)
        )

        assert [each[3:] for each in findings(case, full=True)] == [
            (digest("new"), "app/shipped.pyc has another content than its RECORD says")
        ]

    def test_outside(self, case: Case) -> None:
        """A script lies above, and a path may be absolute."""
        (case.site.parent / "bin").mkdir()
        script = case.site.parent / "bin" / "app"
        script.write_text("#!python\n")
        told = f"{digest('#!python' + chr(10))},9"
        record(case, rows(f"../bin/app,{told}", f"{script},{told}", f"{script}2,{told}"))

        assert [each[4] for each in findings(case)] == [f"{script}2 is missing"]

    def test_many_of_one(self, case: Case) -> None:
        """More than five of one kind are told together; five are not."""
        names = [f"app/part{number}.py" for number in range(7)]
        told = [f"{name},{digest('x')},1" for name in names]
        for name in names:
            (case.site / name).write_text("y")
        record(case, rows(*told[:5]))

        assert [each[4] for each in findings(case, full=True)] == [
            f"{name} has another content than its RECORD says" for name in names[:5]
        ]

        record(case, rows(*told))

        files = "app/part0.py, app/part1.py, app/part2.py, and 4 more"
        assert findings(case, full=True) == [("modified-file", "app", None, None, f"7 files are modified: {files}")]

        shutil.rmtree(case.site / "app")

        files = "app/__init__.py, app/core.py, app/part0.py, and 6 more"
        assert findings(case) == [("missing-file", "app", None, None, f"9 files are missing: {files}")]

    def test_several_distributions(self, case: Case) -> None:
        """Each by itself."""
        case.install("lib", "2", files={"lib.py": "1"})
        (case.site / "lib.py").write_text("22")
        (case.site / "app" / "core.py").unlink()

        assert [each[:2] for each in findings(case)] == [("missing-file", "app"), ("modified-file", "lib")]
        assert judge(case).detail == "2 distributions, 11 files"

    def test_shadowed(self, case: Case, tmp_path: Path) -> None:
        """The first of a name on the search path counts, as for an import."""
        install(tmp_path / "later", "app", "2", files=FILES)
        shutil.rmtree(tmp_path / "later" / "app")
        paths = [str(case.site), str(tmp_path / "later")]

        for order, missing in ((paths, 0), (paths[::-1], 2)):
            facts = case.facts._replace(inventory=read_inventory(order, case.interpreter))
            assert len(IntegrityCheck().judge(facts, "requirements.txt").findings) == missing

    @pytest.mark.parametrize(
        ("direct_url", "argument"),
        [
            ({"url": "file:///srv/app", "dir_info": {"editable": True}}, "-e file:///srv/app"),
            ({"url": "https://e.org/app.zip", "archive_info": {}}, "'app @ https://e.org/app.zip'"),
            (
                {"url": "https://e.org/app", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}},
                f"'app @ git+https://e.org/app@{'c' * 40}'",
            ),
        ],
        ids=["editable", "archive", "commit"],
    )
    def test_fix_of_a_source(self, tmp_path: Path, direct_url: dict[str, object], argument: str) -> None:
        """What did not come from an index is installed again from where it came."""
        case = Case(tmp_path, {"requirements.txt": LOCK})
        (case.install("app", "1", direct_url=direct_url) / "WHEEL").unlink()

        assert [each.fix for each in judge(case).findings] == [f"pip install --force-reinstall --no-deps {argument}"]


def _empty(case: Case) -> None:
    record(case, "")


def _as_fifo(case: Case) -> None:
    (case.site / "app-1.dist-info" / "RECORD").unlink()
    os.mkfifo(case.site / "app-1.dist-info" / "RECORD")


BROKEN: list[tuple[str | bytes | Callable[[Case], None], str]] = [
    (_empty, "lists no file"),
    ("app/__pycache__/core.cpython-311.pyc,,\n", "lists no file"),
    (b"app/\xff.py,,\n", "is not UTF-8"),
    (rows("app/core.py"), "is not valid in line 3: app/core.py"),
    (rows("app/a,b.py,,"), "is not valid in line 3: app/a,b.py,,"),
    (rows(",sha256=a,1"), "is not valid in line 3: ,sha256=a,1"),
    (rows("app/core.py,,-16"), "is not valid in line 3: app/core.py,,-16"),
    (rows(f"app/core.py,,{'9' * 5000}"), f"is not valid in line 3: app/core.py,,{'9' * 44}..."),
    (rows("a\0b.py,,"), "is not valid in line 3: a\0b.py,,"),
    (rows("/proc/kcore,sha256=a,"), "is not valid in line 3: /proc/kcore,sha256=a,"),
    (rows(f"a/{'../' * 12}sys/x,,"), f"is not valid in line 3: a/{'../' * 12}sys/x,,"),
    (rows("/usr/../dev/zero,sha256=a,"), "is not valid in line 3: /usr/../dev/zero,sha256=a,"),
    (rows('"app/core.py,,'), "is not valid in line 3: unexpected end of data"),
    (_as_fifo, "cannot be read: it is not a regular file"),
]


class TestRecord:
    """A RECORD may be written in several ways, missing, or broken."""

    @pytest.mark.parametrize(("damage", "words"), BROKEN, ids=[words[:50] for _, words in BROKEN])
    def test_broken(self, case: Case, damage: str | bytes | Callable[[Case], None], words: str) -> None:
        """What cannot be read is said, and nothing passes; what else is installed is judged."""
        case.install("lib", "2", files={"lib.py": "1"})
        if callable(damage):
            damage(case)
        else:
            record(case, damage)
        outcome = judge(case)

        assert (outcome.status, outcome.findings) == ("unchecked", ())
        assert outcome.reason == f"app-1.dist-info: its RECORD {words}"
        assert outcome.detail == "1 distribution, 5 files"

        (case.site / "lib.py").unlink()
        outcome = judge(case)

        assert (outcome.status, outcome.reason) == ("broken", f"app-1.dist-info: its RECORD {words}")

    def test_several_broken(self, tmp_path: Path) -> None:
        """Of many that cannot be read the first are named."""
        case = Case(tmp_path, {"requirements.txt": LOCK})
        for name in "abcde":
            (case.install(name, "1") / "RECORD").write_text("")

        said = "; ".join([*(f"{name}-1.dist-info: its RECORD lists no file" for name in "abc"), "and 2 more"])
        assert judge(case).reason == said

    def test_huge(self, case: Case) -> None:
        """A RECORD without end is not read."""
        with open(case.site / "app-1.dist-info" / "RECORD", "r+b") as file:
            file.truncate(2**40)

        assert judge(case).reason == "app-1.dist-info: its RECORD cannot be read: it has more than 64 MiB"

    @pytest.mark.parametrize(
        "text",
        [
            rows().replace("\n", "\r\n"),
            rows().rstrip("\n"),
            rows("", ""),
            rows().replace("app/core.py", '"app/core.py"'),
            rows().replace(",16", ",016"),
            rows().replace(CORE, f"{CORE}="),
        ],
        ids=["CRLF", "no last line end", "blank lines", "quoted", "leading zero", "padding"],
    )
    def test_spelling(self, case: Case, text: str) -> None:
        """As the tools have written it through the years."""
        record(case, text)

        outcome = judge(case, full=True)
        assert (outcome.status, outcome.detail) == ("clean", "1 distribution, 2 files")

        (case.site / "app" / "core.py").write_text("def ran(): pass\n")

        assert [each[0] for each in findings(case, full=True)] == ["modified-file"]

    def test_quoted(self, case: Case) -> None:
        """A path with a comma and a quote in it."""
        (case.site / 'a, "b".py').write_text("1")
        record(case, rows(f'"a, ""b"".py",{digest("2")},1'))

        assert [each[4] for each in findings(case, full=True)] == ['a, "b".py has another content than its RECORD says']

    @pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha384", "sha512", "blake2b"])
    def test_algorithm(self, case: Case, algorithm: str) -> None:
        """Any hash tells a change, an old one too; whoever wants to hide one can write RECORD."""
        content = hashlib.new(algorithm, FILES["app/core.py"].encode()).digest()
        written = f"{algorithm}={base64.urlsafe_b64encode(content).rstrip(b'=').decode()}"
        record(case, f"app/core.py,{written},16\n")

        assert judge(case, full=True).status == "clean"

        (case.site / "app" / "core.py").write_text("def ran(): pass\n")

        assert [each[:3] for each in findings(case)] == [("modified-file", "app", written)]

    @pytest.mark.parametrize("written", ["crc32=abc", "shake_128=abc", "abc", "=", f"{'x' * 99}=a"])
    def test_unknown_hash(self, case: Case, written: str) -> None:
        """A hash that nobody knows cannot be compared: the size is, and nothing passes."""
        record(case, rows(f"app/core.py,{written},16"))
        shown = written if len(written) < 60 else f"{'x' * 57}..."
        reason = f"app-1.dist-info: its RECORD has a hash in line 3 that cannot be compared: {shown}"

        assert (judge(case).status, judge(case).reason) == ("unchecked", reason)

        record(case, rows(f"app/core.py,{written},17"))

        assert [each[2:4] for each in findings(case)] == [("17 bytes", "16 bytes")]

    def test_path_that_cannot_be(self, case: Case) -> None:
        """A path that no file can have is not looked at."""
        long = "x" * 5000
        record(case, rows(f"{long},,"))

        assert judge(case).reason == f"app-1.dist-info: {long[:57]}... cannot be looked at: File name too long"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
    def test_no_permission(self, case: Case) -> None:
        """What this user may not read could not be looked at."""
        (case.site / "app" / "core.py").chmod(0)

        assert judge(case).reason == "app-1.dist-info: app/core.py cannot be read: Permission denied"

        (case.site / "app").chmod(0)
        reason = judge(case).reason
        (case.site / "app").chmod(0o700)

        assert reason == "app-1.dist-info: app/__init__.py cannot be looked at: Permission denied"

    @pytest.mark.parametrize("installer", ["pip", "uv"])
    def test_interrupted(self, case: Case, installer: str) -> None:
        """What pip or uv installed had a RECORD, which they write last."""
        case.install("lib", "1", installer=installer)
        (case.site / "lib-1.dist-info" / "RECORD").unlink()

        assert findings(case) == [("missing-file", "lib", None, None, "lib-1.dist-info/RECORD is missing")]

    def test_left_out(self, case: Case) -> None:
        """What has no RECORD, and what conda changes afterwards, is told beside the verdict."""
        for name in ("one", "two"):
            (case.install(name, "1", installer="debian") / "RECORD").unlink()
        (case.site / "old-1.egg-info").write_text(metadata("old", "1"))
        (case.site / "odd-1.egg-info").write_text(metadata("odd", "1"))
        (case.install("numpy", "1", installer="conda", files={"numpy.py": ""}) / "RECORD").write_text("nonsense")
        outcome = judge(case)

        assert outcome.status == "clean"
        assert outcome.reason == (
            "4 distributions without a RECORD, so their files are not compared: odd, old, one, and 1 more; 1 distribution"
            " by conda, which changes files after their RECORD is written, so these are not compared: numpy"
        )
        assert outcome.detail == "1 distribution, 6 files"

    def test_debian(self, tmp_path: Path) -> None:
        """Debian keeps the RECORD of the build, without an INSTALLER; what pip puts beside it, with one, is compared."""
        case = Case(tmp_path, {"requirements.txt": LOCK})
        case.site = tmp_path / "dist-packages"
        case.site.mkdir()
        for name in ("theirs", "ours"):
            case.install(name, "1", files={f"{name}.py": "1"})
            (case.site / f"{name}.py").unlink()
        (case.site / "theirs-1.dist-info" / "INSTALLER").unlink()

        assert [each[4] for each in findings(case)] == ["ours.py is missing"]
        assert judge(case).reason == (
            "1 distribution by Debian, which changes files after their RECORD is written, so these are not compared: theirs"
        )

    def test_no_installer(self, case: Case) -> None:
        """Elsewhere an INSTALLER is not needed."""
        record(case, rows())
        (case.site / "app-1.dist-info" / "INSTALLER").unlink()

        assert judge(case).detail == "1 distribution, 2 files"

    def test_all_left_out(self, tmp_path: Path) -> None:
        """Where nothing could be compared, nothing passes."""
        case = Case(tmp_path, {"requirements.txt": LOCK})
        (case.install("app", "1", installer="debian") / "RECORD").unlink()
        outcome = judge(case)

        assert outcome.status == "unchecked"
        assert outcome.reason == "1 distribution without a RECORD, so their files are not compared: app"


class TestKey:
    """A verdict is remembered by all that it depends on."""

    @staticmethod
    def key(case: Case) -> str | None:
        """Give the key."""
        return IntegrityCheck().key(case.facts, "requirements.txt")

    @pytest.fixture
    def settled(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> Case:
        """Give an environment that was installed an hour ago."""
        later = time.time() + 3600
        monkeypatch.setattr("pytest_envrepro.envs.records.time.time", lambda: later)
        return case

    def test_same(self, settled: Case) -> None:
        """Nothing changed."""
        assert self.key(settled) is not None
        assert self.key(settled) == self.key(settled)

    def test_just_changed(self, case: Case) -> None:
        """What was written a moment ago could be written again within the clock's tick: not remembered."""
        assert self.key(case) is None

    def test_full(self, settled: Case) -> None:
        """Where all is to be read, it is read every time."""
        settled.write({"envrepro.toml": 'integrity = "full"\n'})

        assert self.key(settled) is None

    def test_every_part(self, settled: Case) -> None:
        """Each thing that a verdict depends on changes the key."""
        path = settled.site / "app" / "core.py"
        info = settled.site / "app-1.dist-info"

        def put_back() -> None:
            status = path.stat()
            path.write_text("def ran(): pass\n")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        def other_record() -> None:
            status = (info / "RECORD").stat()
            record(settled, rows("app/,,"))
            os.utime(info / "RECORD", ns=(status.st_atime_ns, status.st_mtime_ns))

        def debian() -> None:
            (info / "INSTALLER").write_text("debian\n")
            (info / "RECORD").unlink()

        def replace_file() -> None:
            shutil.copy2(path, path.with_name("new"))
            os.replace(path.with_name("new"), path)

        steps: list[Callable[[], object]] = [
            put_back,
            replace_file,
            lambda: path.write_text("longer than it was\n"),
            path.unlink,
            lambda: os.utime(info / "RECORD", (1, 1)),
            lambda: record(settled, rows("app,,")),
            lambda: os.utime(info / "RECORD", (1, 1)),
            other_record,
            lambda: (info / "INSTALLER").write_text("conda\n"),
            debian,
            lambda: settled.install("lib", "1"),
            lambda: (settled.site / "old-1.egg-info").write_text(metadata("old", "1")),
            (settled.site / "lib-1.dist-info" / "RECORD").unlink,
        ]
        keys = [self.key(settled)]
        for step in steps:
            time.sleep(0.01)  # More than a tick of the clock.
            step()
            keys.append(self.key(settled))

        assert None not in keys
        assert len(set(keys)) == len(keys)

    def test_remembered(self, settled: Case) -> None:
        """A later session looks at the files, and compares nothing; what could not be judged is judged again."""
        environ = {"PYTEST_ENVREPRO_CACHE": str(settled.root.with_name("cache"))}
        ids = [CheckId("requirements.txt", "integrity")]
        calls = []

        def status() -> str:
            session = Session(settled.root, configured_by=None, environ=environ)
            inventory = settled.inventory

            def compare(full: bool) -> tuple[Recorded, ...]:  # noqa: FBT001  # The field names no arguments.
                calls.append(full)
                return inventory.files(full)

            session.inventory = replace(inventory, files=compare)
            return session.judge(ids)[0].outcome.status

        assert [status(), status(), calls] == ["clean", "clean", [False]]

        (settled.site / "app" / "core.py").unlink()

        assert [status(), status(), len(calls)] == ["broken", "broken", 2]

        record(settled, "")

        assert [status(), status(), len(calls)] == ["unchecked", "unchecked", 4]


class TestSession:
    """In a session, beside the other checks."""

    TABLE = '[tool.pytest.ini_options]\n[tool.envrepro]\nintegrity = true\n[tool.envrepro.severity]\nextraneous = "ignore"\n'

    @pytest.fixture
    def session(self, project: Project, site: Site) -> Project:
        """Give a project whose environment was changed by hand."""
        site.add("app", "1", files=FILES)
        (site.path / "app" / "core.py").write_text("def run(): return 1\n")
        project.write({"pyproject.toml": self.TABLE, "requirements.txt": LOCK, "requirements.in": "app\n"})
        return project

    @pytest.mark.parametrize("arguments", [(), ("-n2",)], ids=["plain", "workers"])
    def test_broken(self, session: Project, arguments: tuple[str, ...]) -> None:
        """It fails the session, at the file that stands for the environment."""
        result = session.run("-v", *arguments, subprocess=bool(arguments))

        result.stdout.fnmatch_lines(["*pyproject.toml::integrity*"])
        judged = next(each for each in session.report()["checks"] if each["check"] == "integrity")
        assert (judged["subject"], judged["outcome"]) == ("pyproject.toml", "broken")
        assert [
            (each["code"], each["package"], each["file"]) for each in judged["findings"] if each["package"] == "app"
        ] == [("modified-file", "app", None)]
        assert result.ret == 1

    def test_waived(self, session: Project) -> None:
        """A waiver of the code and the package accepts it; one that matches nothing is told by this check."""
        waiver = '[[tool.envrepro.waivers]]\ncode = "{}"\npackage = "app"\nreason = "patched on purpose"\n'
        session.write({"pyproject.toml": self.TABLE + waiver.format("modified-file") + waiver.format("missing-file")})

        found = session.judge("integrity", "pyproject.toml")["findings"]

        ours = {each["code"]: each for each in found if each["package"] == "app"}
        assert ours["modified-file"]["waived"] == {"reason": "patched on purpose", "until": None}
        assert ours["stale-waiver"]["message"].startswith("the waiver of missing-file matches nothing")


def _venv(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return next((folder / "lib").glob("python*/site-packages"))


def _install(installer: str, venv: Path, *arguments: str | Path) -> None:
    python = str(venv / "bin" / "python")
    command: dict[str, list[str]] = {
        "pip": [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"],
        "uv": [shutil.which("uv") or _uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python],
    }
    environ = {**os.environ, "UV_CACHE_DIR": str(venv.parent / "uv")}
    subprocess.run([*command[installer], *arguments], check=True, env=environ)


def _uv() -> str:
    return str(Path(sys.executable).parent / "uv")


@pytest.mark.parametrize(
    "installer",
    [
        pytest.param("pip", marks=pytest.mark.requires_integration("pip")),
        pytest.param("uv", marks=pytest.mark.requires_extra("uv")),
    ],
)
class TestInstallers:
    """What real installers leave."""

    def test_intact(self, tmp_path: Path, installer: str) -> None:
        """A fresh installation is intact, by a look and as a whole, scripts included; and each change is found."""
        case = Case(tmp_path, {"requirements.txt": LOCK})
        case.site = _venv(tmp_path / "venv")
        built = wheel(tmp_path / "wheels", "app", "1", scripts=("app",))
        _install(installer, tmp_path / "venv", built)

        assert [judge(case, full=full).status for full in (False, True)] == ["clean", "clean"]

        (case.site / "app.py").write_text("version = '2'\n")
        (case.site / "app-1.dist-info" / "entry_points.txt").unlink()
        (tmp_path / "venv" / "bin" / "app").unlink()

        message = "app.py has another content than its RECORD says"
        assert sorted((each[0], each[4]) for each in findings(case)) == [
            ("missing-file", "../../../bin/app is missing"),
            ("missing-file", "app-1.dist-info/entry_points.txt is missing"),
            ("modified-file", message),
        ]

    def test_two_environments(self, tmp_path: Path, installer: str) -> None:
        """A second environment from the same cache changes nothing in the first."""
        case = Case(tmp_path, {"requirements.txt": LOCK})
        built = wheel(tmp_path / "wheels", "app", "1")
        case.site = _venv(tmp_path / "venv")
        _install(installer, tmp_path / "venv", built)
        _venv(tmp_path / "other")
        _install(installer, tmp_path / "other", built)

        assert judge(case).status == "clean"

    @pytest.mark.requires_integration("setuptools")
    def test_editable(self, tmp_path: Path, installer: str) -> None:
        """Of an editable installation only what the installer wrote is compared: sources may change."""
        source = tmp_path / "source"
        source.mkdir()
        (source / "app.py").write_text("")
        (source / "setup.py").write_text(
            "from setuptools import setup\nsetup(name='app', version='1', py_modules=['app'])\n"
        )
        case = Case(tmp_path, {"requirements.txt": LOCK})
        case.site = _venv(tmp_path / "venv")
        built = _editable(tmp_path, source)
        _install(installer, tmp_path / "venv", built)
        (source / "app.py").write_text("changed = True\n")

        assert judge(case).status == "clean"

        next(case.site.glob("__editable__*")).unlink()

        assert [each[0] for each in findings(case)] == ["missing-file"]


def _editable(folder: Path, source: Path) -> Path:
    """Build what installers install of an editable project (PEP 660)."""
    script = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, folder], cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.whl"))
