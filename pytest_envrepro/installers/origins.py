"""Says of what was built in the place of a folder that it comes from that folder, as an installer says it (PEP 610)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def say_whence(sites: Iterable[Path], folders: Mapping[str, str]) -> None:
    """Write `direct_url.json` anew, and its line of RECORD.

    Args:
        sites: the folders of an environment that packages are installed in.
        folders: the URL of a folder, by the canonical name of what was built of it.
    """
    if not folders:
        return
    for info in (path for site in sites for path in site.glob("*.dist-info")):
        url = folders.get(canonicalize_name(info.name.partition("-")[0]))
        if url is not None:
            _say(info, json.dumps({"url": url, "dir_info": {}}).encode())


def _say(info: Path, content: bytes) -> None:
    (info / "direct_url.json").write_bytes(content)
    record, place = info / "RECORD", f"{info.name}/direct_url.json"
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    with record.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row and row[0] != place]
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows([*rows, [place, f"sha256={digest}", str(len(content))]])
    record.write_text(written.getvalue(), encoding="utf-8", newline="")
