"""An environment works at another path: its scripts, its activation, its RECORDs."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import making
import pytest
from uv import find_uv_bin

from pytest_envrepro.store.relocating import settle, shebang
from pytest_envrepro.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")

_OLD_STYLE = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
_OLD, _NEW = "build-00000001-0123456789ab", "ab" * 13 + "a"


def script_wheel(folder: Path, name: str, version: str = "1") -> Path:
    """Build a wheel with a console script that prints the prefix, and one that lies in `.data/scripts`."""
    info, data = f"{name}-{version}.dist-info", f"{name}-{version}.data/scripts"
    files = {
        f"{name}.py": f"import sys\n\ndef main():\n    print(sys.prefix, {version!r})\n",
        f"{data}/{name}-plain": "#!python\nimport sys\nprint(sys.prefix)\n",
        f"{info}/METADATA": making.metadata(name, version),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = [f"{path},{making.digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16  # A regular file: pip asks for that too.
            archive.writestr(entry, text)
    return path


def run(*argv: str | Path, **variables: str) -> str:
    """Run a program without the variables of this session, and give its output."""
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8", **variables}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def by_pip(prefix: Path, *wheels: Path) -> None:
    """Make a virtualenv with the standard library, and install with pip."""
    run(sys.executable, "-m", "venv", "--without-pip", prefix)
    pip = (sys.executable, "-m", "pip", "--python", prefix / "bin" / "python", "install")
    run(*pip, "--quiet", "--no-index", "--no-deps", "--compile", *wheels)


def by_uv(prefix: Path, *wheels: Path) -> None:
    """Make a virtualenv with uv, and install with it: it links its cache's files."""
    uv = find_uv_bin()
    cache = {"UV_CACHE_DIR": str(prefix.parents[3] / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": "1"}
    run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, prefix, **cache)
    install = [uv, "pip", "install", "--quiet", "--no-index", "--no-deps", "--compile-bytecode"]
    run(*install, "--link-mode", "hardlink", "--python", prefix / "bin" / "python", *wheels, **cache)


def broken_rows(prefix: Path) -> list[str]:
    """Give the rows of all RECORDs whose hash or size is not that of the file."""
    broken = []
    for record in prefix.rglob("*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            path, told, size = line.rsplit(",", 2)
            if told:
                content = (record.parents[1] / path).read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                if told != f"sha256={digest}" or int(size) != len(content):
                    broken.append(line)
    return broken


@pytest.mark.parametrize("build", [by_pip, by_uv])
@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "with space",
        "it's",
        'a "quoted" one',
        "$HOME `id`",
        "ünï côdé",
        "x" * 120,
        "with space and " + "it's" * 30,
    ],
)
def test_scripts_run_where_they_lie(tmp_path: Path, name: str, build: object) -> None:
    """Scripts of the shared environment and of a private copy run their own Python, whatever the path looks like."""
    if build is by_uv and name.startswith("ünï") and sys.platform == "darwin":
        pytest.skip("the disk writes such names in another way")
    wheel = script_wheel(tmp_path / "wheels", "tool")
    store = Store(tmp_path / name)

    def make(prefix: Path) -> dict[str, object]:
        build(prefix, wheel)  # type: ignore[operator]
        return {}

    entry = store.get("k", make)
    private = store.private(entry, "mine")

    for prefix in (entry.path, private):
        assert prefix.is_relative_to(os.path.realpath(tmp_path / name))
        assert run(prefix / "bin" / "tool") == f"{prefix} 1\n"
        assert run(prefix / "bin" / "tool-plain") == f"{prefix}\n"
        assert broken_rows(prefix) == []
        with_path = [path for path in prefix.rglob("*") if path.is_file() and b"/build-" in path.read_bytes()]
        assert with_path == []
    store.close()


# By distribution: what wheels may hold besides a package of their own. `double.py` is in two of them.
_PARTS = {
    "one": {"shared/one.py": "x = 1\n", "old/__init__.py": _OLD_STYLE, "old/one.py": "x = 1\n", "double.py": "x = 0\n"},
    "two": {"shared/two.py": "x = 2\n", "old/__init__.py": _OLD_STYLE, "old/two.py": "x = 2\n", "double.py": "x = 0\n"},
    "three": {
        "shared/three.py": "x = 3\n",
        "three.libs/libthree.so": "binary",
        "three.pth": "three.libs\n",
        "three-1.data/headers/three.h": "int x;\n",
        "three-1.data/data/share/three/x.txt": "x",
        "three-1.dist-info/entry_points.txt": "[gui_scripts]\nwindow = shared.three:x.bit_length\n",
    },
}
_IMPORTS = """
import double, old.one, old.two, shared.one, shared.three, shared.two, sys
print(shared.one.x + shared.two.x + shared.three.x, any(path.endswith("/three.libs") for path in sys.path))
"""


def parts_wheel(folder: Path, name: str) -> Path:
    """Build one of those wheels."""
    info = f"{name}-1.dist-info"
    files = {
        **_PARTS[name],
        f"{info}/METADATA": making.metadata(name, "1"),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},{making.digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


@pytest.mark.parametrize("build", [by_pip, by_uv])
def test_all_that_wheels_hold(tmp_path: Path, build: Callable[..., None]) -> None:
    """Namespaces of several distributions, headers, data, `.pth`, libraries beside a package, a file of two owners."""
    wheels = [parts_wheel(tmp_path, name) for name in _PARTS]
    store = Store(tmp_path / "envs")

    def make(prefix: Path) -> dict[str, object]:
        build(prefix, *wheels)
        return {}

    entry = store.get("k", make)
    for name in ("first", "second"):  # The second is the first, made as new.
        private = store.private(entry, name)

        assert run(private / "bin" / "python", "-c", _IMPORTS) == "6 True\n"
        assert str(private) in (private / "bin" / "window").read_text()
        assert len([*private.glob("include/**/three.h")]) == 1
        assert (private / "share" / "three" / "x.txt").read_text() == "x"
        assert len([*private.glob("lib/python*/site-packages/three.libs/libthree.so")]) == 1
        assert broken_rows(private) == []

        run(private / "bin" / "python", "-c", "import double, os; os.unlink(double.__file__)")
        store.release(private)
    assert store.changes(entry) == ()
    store.close()


@pytest.mark.parametrize("name", ["plain", "with space", "it's"])
@pytest.mark.parametrize("build", [by_pip, by_uv])
def test_activation(tmp_path: Path, name: str, build: object) -> None:
    """A shell that activates a private copy finds that copy's programs."""
    store = Store(tmp_path / name)
    wheel = script_wheel(tmp_path / "wheels", "tool")

    def make(prefix: Path) -> dict[str, object]:
        build(prefix, wheel)  # type: ignore[operator]
        return {}

    private = store.private(store.get("k", make), "mine")
    words = '. "$1/bin/activate" && printf "%s\\n" "$VIRTUAL_ENV" && tool'

    assert run("bash", "-c", words, "bash", private) == f"{private}\n{private} 1\n"
    store.close()


def test_bytecode_is_valid_and_names_its_source(tmp_path: Path) -> None:
    """No import compiles anything again, and a traceback leads to the file of the environment that is run."""
    store = Store(tmp_path / "store")
    wheel = script_wheel(tmp_path / "wheels", "tool")

    def make(prefix: Path) -> dict[str, object]:
        by_pip(prefix, wheel)
        return {}

    entry = store.get("k", make)
    private = store.private(entry, "mine")

    for prefix in (entry.path, private):
        code = "import tool; print(tool.main.__code__.co_filename)"
        said = run(prefix / "bin" / "python", "-v", "-c", code, PYTHONVERBOSE="1")
        assert said == f"{next(prefix.rglob('tool.py'))}\n"
    assert store.changes(entry) == ()
    store.close()


def _settled(tmp_path: Path, files: dict[str, bytes]) -> Path:
    root = tmp_path / _OLD / "env"
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    settle(root, _OLD, _NEW)
    (tmp_path / _OLD).rename(tmp_path / _NEW)
    return tmp_path / _NEW / "env"


def test_whatever_holds_the_path_is_rewritten(tmp_path: Path) -> None:
    """Text, however it quotes the path, and what is no text: with no other length, mode or time."""
    here = str(tmp_path / _OLD / "env").encode()
    files = {
        "pyvenv.cfg": b"home = /usr/bin\ncommand = python -m venv " + here + b"\n",
        "lib/x.pth": here + b"/elsewhere\n",
        "lib/x.so": b"\x7fELF\0\1" + here + b"\0\2",
        "lib/escaped.json": b'{"path": "' + here.replace(b"/", b"\\/") + b'"}',
    }
    root = _settled(tmp_path, files)

    for path, content in files.items():
        assert (root / path).read_bytes() == content.replace(_OLD.encode(), _NEW.encode())


def test_signed_programs_of_macos_stay(tmp_path: Path) -> None:
    """The system starts none that has changed since it was signed."""
    content = b"\xcf\xfa\xed\xfe" + str(tmp_path / _OLD / "env").encode()

    assert (_settled(tmp_path, {"lib/x.so": content}) / "lib/x.so").read_bytes() == content


def test_files_of_others_are_not_changed(tmp_path: Path) -> None:
    """What an installer has linked from its own cache gets an inode of its own."""
    root = tmp_path / _OLD / "env"
    root.mkdir(parents=True)
    (tmp_path / "cached").write_text(f"{root}\n")
    (tmp_path / "plain").write_text("nothing\n")
    os.link(tmp_path / "cached", root / "a")
    os.link(tmp_path / "plain", root / "b")
    os.utime(root / "a", ns=(3_000_000_001, 3_000_000_001))
    (root / "a").chmod(0o640)

    settle(root, _OLD, _NEW)

    assert (tmp_path / "cached").read_text() == f"{root}\n"
    assert not (root / "a").samefile(tmp_path / "cached")
    assert not (root / "b").samefile(tmp_path / "plain")
    assert ((root / "a").stat().st_mode & 0o777, (root / "a").stat().st_mtime_ns) == (0o640, 3_000_000_001)


def test_links_into_the_environment(tmp_path: Path) -> None:
    """An absolute link to a folder of the environment leads to the one at its new path; in a copy, to the copy's."""
    store = Store(tmp_path / "store")

    def make(prefix: Path) -> dict[str, object]:
        (prefix / "lib").mkdir()
        (prefix / "lib64").symlink_to(prefix / "lib")
        return {}

    entry = store.get("k", make)
    private = store.private(entry, "mine")

    assert os.readlink(entry.path / "lib64") == str(entry.path / "lib")
    assert os.readlink(private / "lib64") == str(private / "lib")
    store.close()


def test_records(tmp_path: Path) -> None:
    """RECORD tells the new hash and size of what is rewritten, where it told the right ones before, in its own way."""
    script = f"#!{tmp_path / _OLD / 'env'}/bin/python3\nprint()\n"
    wrong = f"../bin/wrong,{making.digest('no')},2"
    rows = [f"../bin/tool,{making.digest(script)},{len(script)}\r\n", '"a,b.py",,\r\n', f"{wrong}\r\n", "it/RECORD,,"]
    files = {
        "bin/tool": script.encode(),
        "bin/wrong": script.encode(),
        "lib/it-1.dist-info/RECORD": "".join(rows).encode(),
    }
    root = _settled(tmp_path, files)

    new = script.replace(_OLD, _NEW)
    rows[0] = f"../bin/tool,{making.digest(new)},{len(new)}\r\n"
    assert (root / "bin" / "tool").read_text() == new
    assert (root / "lib/it-1.dist-info/RECORD").read_bytes() == "".join(rows).encode()


@pytest.mark.parametrize(
    ("executable", "arguments", "line"),
    [
        (b"/x/bin/python", (), b"#!/x/bin/python\n"),
        (b"/x/bin/python", (b"-sE",), b"#!/x/bin/python -sE\n"),
        (b"/" + b"x" * 124, (), b"#!/" + b"x" * 124 + b"\n"),
        (b"/" + b"x" * 125, (), b"#!/bin/sh\n'''exec' /" + b"x" * 125 + b' "$0" "$@"\n' + b"' '''\n"),
        (b"/x y/python", (b"-s",), b"#!/bin/sh\n'''exec' '/x y/python' -s \"$0\" \"$@\"\n' '''\n"),
    ],
)
def test_first_lines(executable: bytes, arguments: tuple[bytes, ...], line: bytes) -> None:
    """127 bytes without a space are read by every system; else a shell starts the interpreter."""
    assert shebang(executable, arguments) == line


def test_arguments_of_the_interpreter_stay(tmp_path: Path) -> None:
    """`#!python -sE` is still that, also where a shell starts it."""
    here = tmp_path / _OLD / "env"
    by_shell = f"#!/bin/sh\n'''exec' \"{here}/bin/python3.11\" -sE \"$0\" \"$@\"\n' '''\nprint()\n"
    root = _settled(tmp_path, {"bin/a": f"#!{here}/bin/python3.11 -sE\nx\n".encode(), "bin/b": by_shell.encode()})

    expected = shebang(os.fsencode(root) + b"/bin/python3.11", [b"-sE"])
    assert (root / "bin" / "a").read_bytes() == expected + b"x\n"
    assert (root / "bin" / "b").read_bytes() == expected + b"print()\n"
    assert shutil.which("sh")


@pytest.mark.parametrize("build", [by_pip, by_uv])
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_installers_never_change_the_store(tmp_path: Path, build: object, installer: str) -> None:
    """Uninstalling, reinstalling, upgrading and compiling in a private copy leaves all else as it was, byte for byte."""
    store = Store(tmp_path / "store")
    wheels = [script_wheel(tmp_path / "wheels", "tool"), script_wheel(tmp_path / "wheels", "gone")]
    newer = script_wheel(tmp_path / "newer", "tool", "2")

    def make(prefix: Path) -> dict[str, object]:
        build(prefix, *wheels)  # type: ignore[operator]
        return {}

    entry = store.get("k", make)
    store.prepare(entry)  # What was made ready has bytecode: links, as its other files.
    private, beside = store.private(entry, "mine"), Store(tmp_path / "store").private(entry, "beside")
    before = {path: _content(path) for path in (*_files(entry.path.parent), *_files(beside))}
    python = private / "bin" / "python"
    if installer == "pip":
        words: tuple[str | Path, ...] = (sys.executable, "-m", "pip", "--python", python)
        yes: tuple[str, ...] = ("--yes",)
        variables = {}
    else:
        words, yes = (find_uv_bin(), "pip"), ()
        variables = {"UV_CACHE_DIR": str(tmp_path / "uv"), "UV_PYTHON": str(python), "UV_OFFLINE": "1"}

    run(*words, "uninstall", *yes, "gone", **variables)
    run(*words, "install", "--no-index", "--no-deps", "--force-reinstall", wheels[0], **variables)
    run(*words, "install", "--no-index", "--no-deps", "--upgrade", newer, **variables)
    run(python, "-m", "compileall", "-q", "-f", private / "lib")

    assert run(private / "bin" / "tool") == f"{private} 2\n"
    assert not (private / "bin" / "gone").exists()
    assert {path: _content(path) for path in (*_files(entry.path.parent), *_files(beside))} == before
    assert store.verify(entry) == ()
    assert run(entry.path / "bin" / "gone") == f"{entry.path} 1\n"
    store.close()


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def _content(path: Path) -> tuple[bytes, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_mode, status.st_mtime_ns
