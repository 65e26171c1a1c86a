"""Settings of containers to what an engine builds: Dockerfiles, contexts and keys. Opens no file and asks no engine."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.images.apt import apt_command, apt_words
from pytest_envrepro.images.base import (
    BUILDING,
    BUNDLE,
    ENVIRONMENT,
    FILES,
    INSTALLING,
    WHEELS,
    Facts,
    Installation,
    Line,
    Recipe,
)
from pytest_envrepro.images.bases import default_base
from pytest_envrepro.images.certificates import candidates, chosen
from pytest_envrepro.images.context import Entry, archive, entry, link, packed
from pytest_envrepro.images.ignoring import Ignoring
from pytest_envrepro.images.keys import digest, key_of_container, key_of_own, key_of_stage, tag
from pytest_envrepro.images.lint import Known, Rot, rotting
from pytest_envrepro.images.stages import commented, image, system, whole

if TYPE_CHECKING:
    from pytest_envrepro.settings import Settings

__all__ = [
    "BUILDING",
    "BUNDLE",
    "ENVIRONMENT",
    "FILES",
    "INSTALLING",
    "WHEELS",
    "Entry",
    "Facts",
    "Ignoring",
    "Installation",
    "Known",
    "Line",
    "Recipe",
    "Rot",
    "apt_command",
    "apt_words",
    "archive",
    "candidates",
    "chosen",
    "commented",
    "default_base",
    "digest",
    "dockerfile",
    "entry",
    "image",
    "key_of_container",
    "key_of_own",
    "key_of_stage",
    "link",
    "packed",
    "rotting",
    "system",
    "tag",
    "whole",
]

_OWN_BASE = "your-own-dockerfile"
# As `installers` fills it in: pip runs from its wheel, and its configuration lies beside that.
_PIP = (f"{ENVIRONMENT}/bin/python", "-I", f"{BUILDING}/pip.whl/pip")
_PINS = ("install", "--no-deps", "--no-compile", "--require-hashes")


def dockerfile(settings: Settings) -> str:
    """Write the whole Dockerfile for people, as far as it is known without an engine, a resolver or a file.

    Raises:
        SettingsError: they are none of a container, nothing is built, or a Dockerfile cannot hold one of them.
    """
    if settings.kind != "container":
        raise SettingsError(f"a {settings.kind} has no Dockerfile: it is for containers")
    if settings.skip_build:
        raise SettingsError("skip-build takes an image as it is: there is no Dockerfile")
    base = settings.base_image or default_base(settings.python, platform.python_version())
    asks = (settings.lock, settings.requirements, settings.groups, settings.extras, settings.replicate_local)
    has_packages = any(asks) or bool(settings.required_integrations)
    commands = ((*_PIP, *_PINS, *settings.installer_args, "-r", f"{BUILDING}/hashed.txt"),) if has_packages else ()
    facts = Facts(
        base=_OWN_BASE if settings.own_dockerfile else base,
        apt_packages=apt_words(settings.apt_packages),
        installation=Installation(_PIP, commands) if has_packages or settings.project else None,
        project="project.whl" if settings.project else None,
        bundle=settings.ca_bundle != "none",
    )
    return commented(whole(settings, facts), settings.origins)
