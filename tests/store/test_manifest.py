"""What is written down of an environment, and how a change in it is told."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.store import looking, manifest
from pytest_envrepro.store.manifest import Change, Manifest
from pytest_envrepro.store.relocating import settle

if TYPE_CHECKING:
    from pathlib import Path

_OLD, _NEW = "build-00000001-0123456789ab", "ab" * 13 + "a"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a small environment."""
    root = tmp_path / _OLD / "env"
    (root / "lib" / "pkg").mkdir(parents=True)
    (root / "lib" / "pkg" / "__init__.py").write_text("version = 1\n")
    (root / "lib" / "pkg" / "naïve file.txt").write_text("x")
    (root / "lib64").symlink_to("lib")
    (root / "empty").mkdir()
    return root


def _of(root: Path) -> Manifest:
    settled = settle(root, _OLD, _NEW)
    tree = looking.scan(root)
    words = {"key": "k", "build": "b", "built": 1.5, "title": "it", "size": 3, "facts": {"weak": False}}
    return Manifest(**words, **settled._asdict(), tree=tree)  # type: ignore[arg-type]


def _write(root: Path, made: Manifest) -> Path:
    path = root.parent / manifest.NAME
    path.write_bytes(made.encoded())
    return path


def test_is_read_as_it_was_written(root: Path) -> None:
    """Everything comes back."""
    made = _of(root)
    _write(root, made)

    read = manifest.read(root.parent)

    assert read == made
    assert read is not None
    assert set(read.hashes) == {"lib/pkg/__init__.py", "lib/pkg/naïve file.txt"}
    assert manifest.read_head(root.parent) == ("it", 3)


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="there a name is always a text")
def test_name_that_is_no_text(root: Path) -> None:
    """A file whose name is not UTF-8 is one like others."""
    (root / os.fsdecode(b"\xff")).write_text("y")
    made = _of(root)
    _write(root, made)

    assert manifest.read(root.parent) == made


@pytest.mark.parametrize("keep", [0, 10, 64, 65, 200, -1])
def test_cut_off(root: Path, keep: int) -> None:
    """A manifest that is cut off anywhere is none."""
    path = _write(root, _of(root))
    path.write_bytes(path.read_bytes()[:keep])

    assert manifest.read(root.parent) is None


def test_another_schema(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest of another format is none."""
    monkeypatch.setattr(manifest, "SCHEMA", manifest.SCHEMA + 1)
    _write(root, _of(root))
    monkeypatch.undo()

    assert manifest.read(root.parent) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("p.unlink()", ("lib/pkg/__init__.py", "is gone")),
        ("p.write_text('version = 2\\n')", ("lib/pkg/__init__.py", "has another content")),
        ("p.write_text('longer than it was\\n')", ("lib/pkg/__init__.py", "has 19 bytes and had 12")),
        ("os.utime(p, ns=(7, 7))", ("lib/pkg/__init__.py", "was written, with the content that it had")),
        ("p.chmod(0o600)", ("lib/pkg/__init__.py", "has the mode 600 and had 644")),
        ("p.unlink(); p.mkdir()", ("lib/pkg/__init__.py", "is a folder and was a file")),
        ("p.unlink(); p.symlink_to('x')", ("lib/pkg/__init__.py", "is a link and was a file")),
        ("p.with_name('new.py').write_text('')", ("lib/pkg/new.py", "is new")),
        ("(root / 'empty' / 'deep').mkdir()", ("empty/deep", "is new")),
        ("(root / 'empty').rmdir()", ("empty", "is gone")),
        ("(root / 'empty').chmod(0o700)", ("empty", "has the mode 700 and had 755")),
        ("(root / 'lib64').unlink(); (root / 'lib64').symlink_to('bin')", ("lib64", "leads to bin and led to lib")),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="modes and links are those of POSIX")
def test_changes(root: Path, change: str, told: tuple[str, str]) -> None:
    """Whatever is done to a file or folder is told, with the path and what it was."""
    (root / "lib" / "pkg" / "__init__.py").chmod(0o644)
    (root / "empty").chmod(0o755)
    made = _of(root)
    assert manifest.changes(root, made) == ()

    exec(change, {"p": root / "lib" / "pkg" / "__init__.py", "root": root, "os": os})  # noqa: S102  # Are ours.

    assert manifest.changes(root, made) == (Change(*told),)


@pytest.mark.skipif(os.name == "nt", reason="there is no time of the last change of status")
def test_a_byte_changed_and_the_time_set_back(root: Path) -> None:
    """The quick look finds what size and time do not show."""
    path = root / "lib" / "pkg" / "__init__.py"
    made = _of(root)
    status = path.stat()
    path.write_text("version = 2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert manifest.changes(root, made) == (Change("lib/pkg/__init__.py", "has another content"),)


def test_new_status_alone_is_no_change(root: Path) -> None:
    """Who links to a file has not changed it."""
    made = _of(root)
    os.link(root / "lib" / "pkg" / "__init__.py", root.parent / "link")

    assert manifest.changes(root, made) == ()


def test_all_contents_are_read(root: Path) -> None:
    """The full look does not trust the status: here the manifest itself tells another content."""
    made = _of(root)
    other = manifest.encoded({**made.hashes, "lib/pkg/__init__.py": "0" * 64})

    assert manifest.changes(root, replace(made, hashed=other)) == ()
    assert manifest.changes(root, replace(made, hashed=other), full=True) == (
        Change("lib/pkg/__init__.py", "has another content"),
    )


def test_nothing_there(root: Path) -> None:
    """An environment that is gone as a whole is one change."""
    made = _of(root)
    root.rename(root.with_name("away"))

    assert manifest.changes(root, made) == (Change(".", "is gone"),)
