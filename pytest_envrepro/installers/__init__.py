"""What chooses versions, installs them and builds wheels: one file a tool, and the tables of them."""

from pytest_envrepro.installers.building import build
from pytest_envrepro.installers.configured import absolute_words, named_places
from pytest_envrepro.installers.filed import PLACES
from pytest_envrepro.installers.indexes import further_places
from pytest_envrepro.installers.installing import INSTALLERS, ReadyInstaller, install_into, installer_for
from pytest_envrepro.installers.local import is_idle, made_ready, states, with_wheels
from pytest_envrepro.installers.pinning import Asked, Pinned, Resolved, Sources
from pytest_envrepro.installers.resolving import RESOLVERS, resolve
from pytest_envrepro.installers.tools import offline_variables
from pytest_envrepro.installers.wheels import ProjectWheel, editable_project, project_wheel

__all__ = [
    "INSTALLERS",
    "PLACES",
    "RESOLVERS",
    "Asked",
    "Pinned",
    "ProjectWheel",
    "ReadyInstaller",
    "Resolved",
    "Sources",
    "absolute_words",
    "build",
    "editable_project",
    "further_places",
    "install_into",
    "installer_for",
    "is_idle",
    "made_ready",
    "named_places",
    "offline_variables",
    "project_wheel",
    "resolve",
    "states",
    "with_wheels",
]
