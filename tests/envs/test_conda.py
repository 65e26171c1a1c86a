"""Environments of conda: the records that conda leaves, and those that py-rattler writes when it installs."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest
from condas import CondaCase, archive

from pytest_envrepro.envs.conda import CondaPackages, find_prefix
from pytest_envrepro.envs.host import host_inventory
from pytest_envrepro.errors import LockError
from pytest_envrepro.lockpins import refuse_unusable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.requires_integration("conda")


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """Make a channel in a folder, with two packages."""
    folder = tmp_path / "channel" / "noarch"
    folder.mkdir(parents=True)
    told = {}
    for name, version, depends, files in (
        ("one", "1.0", ["two >=2"], {"lib/python3.11/site-packages/one_py-1.0.dist-info/METADATA": "Name: one-py\n"}),
        ("two", "2.0", [], {"share/two": "two"}),
    ):
        data, record = archive(name, version, "h_0", depends, files)
        (folder / f"{name}-{version}-h_0.tar.bz2").write_bytes(data)
        told[f"{name}-{version}-h_0.tar.bz2"] = record
    repodata = {"info": {"subdir": "noarch"}, "packages": told, "packages.conda": {}, "repodata_version": 1}
    (folder / "repodata.json").write_text(json.dumps(repodata), encoding="utf-8")
    return folder.parent


def test_installed_by_rattler(tmp_path: Path, channel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What py-rattler solves and installs is what a list of the same archives says; and so is each change of that."""
    import rattler  # noqa: PLC0415  # The test is skipped where it is not installed.

    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "cache"))

    async def install() -> list[str]:
        records = await rattler.solve(sources=[rattler.Channel(channel.as_uri())], specs=["one"], platforms=["noarch"])
        await rattler.install(
            records, target_prefix=tmp_path / "prefix", cache_dir=tmp_path / "cache", show_progress=False
        )
        return [f"{record.url}#{record.md5.hex()}" for record in records if record.md5]

    urls = asyncio.run(install())
    case = CondaCase(tmp_path, {"explicit.txt": "\n".join(["@EXPLICIT", *urls, ""])})

    assert case.findings("installed", "explicit.txt") == []
    assert {each[0] for each in case.findings("lock", "explicit.txt")} == {"host-leak"}  # Its channel is a folder.
    assert case.judge("lock", "explicit.txt").detail == "2 of 2 pins proven"
    assert case.inventory.others["conda:one"].provides == {"one-py"}

    case.write({"explicit.txt": "\n".join(["@EXPLICIT", *(url for url in urls if "/one-" in url), ""])})

    assert ("missing-transitive", "conda:two") in {each[:2] for each in case.findings("lock", "explicit.txt")}


def test_broken_records(tmp_path: Path) -> None:
    """A record that cannot be read is one that proves nothing, and no error; other files are none."""
    folder = tmp_path / "conda-meta"
    folder.mkdir()
    texts = {
        "a-1-0.json": "{",
        "b-1-0.json": "[]",
        "c-1-0.json": '{"depends": 1, "files": "x", "url": 2}',
        "history": "",
        "x.json": "{}",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")

    found = CondaPackages(str(tmp_path))

    assert {name: (str(each.version), each.fault, each.requires) for name, each in found.items()} == {
        "conda:a": ("1=0", "it cannot be read: JSONDecodeError", ()),
        "conda:b": ("1=0", "it holds no table", ()),
        "conda:c": ("1=0", None, ()),
    }
    assert "conda:x" not in found
    assert len(CondaPackages(str(tmp_path / "nowhere"))) == 0


def test_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This environment is one of conda's by its own records, or by the one that is active."""
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    own = find_prefix((sys.prefix,))
    assert host_inventory(tmp_path).is_unseen("conda") is (own is None)

    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "zlib-1.3-h_0.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path))

    inventory = host_inventory(tmp_path)
    assert inventory.is_unseen("conda") is False
    assert inventory.is_unseen("") is False
    if own is None:
        assert list(inventory.others) == ["conda:zlib"]
        assert "conda:zlib" not in inventory.versions


def test_no_other_environment(tmp_path: Path) -> None:
    """A list of conda's is no lock that a virtual environment could be made from, whatever its file is called."""
    case = CondaCase(tmp_path, {"spec.txt": "@EXPLICIT\nhttps://conda.example/c/noarch/a-1-0.conda\n"})
    message = (
        "spec.txt: a lock of conda's, whose packages neither pip nor uv installs: name a lock of Python's packages"
    )

    with pytest.raises(LockError, match=f"^{re.escape(message)}$"):
        refuse_unusable(case.facts.locks["spec.txt"])
