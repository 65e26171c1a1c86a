"""What settings are made of in Python: the keywords of `Settings(...)`, of markers and of calls, with their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence


class Given(TypedDict, total=False):
    """What settings are made of, as Python's keywords."""

    name: str | None
    kind: str
    python: str | None
    lock: str | os.PathLike[str] | None
    requirements: Sequence[str] | str | os.PathLike[str]
    constraints: Sequence[str] | str | os.PathLike[str]
    resolution: Literal["highest", "lowest", "lowest-direct"]
    groups: Sequence[str]
    extras: Sequence[str]
    required_integrations: Sequence[str]
    project: Literal["wheel", "editable"] | bool
    replicate_local: Sequence[str] | str | bool
    environment: Mapping[str, str]
    installer: Literal["auto", "pip", "uv"]
    installer_args: Sequence[str]
    files: Mapping[str, str | os.PathLike[str]]
    compose: str | os.PathLike[str] | Mapping[str, str | float | os.PathLike[str]]
    base_image: str | None
    dockerfile: str | os.PathLike[str] | None
    context: str | os.PathLike[str] | None
    skip_build: bool
    pull: Literal["missing", "never", "always"]
    platform: str | None
    apt_packages: Sequence[str]
    apt_snapshot: str | None
    build_environment: Mapping[str, str]
    run: Sequence[str | Sequence[str]]
    user: str | None
    workdir: str | os.PathLike[str]
    network: str | None
    limits: Mapping[str, str | float]
    ca_bundle: str | os.PathLike[str]
    builder: str
