"""Environments: so far the one that runs the session."""

from pytest_envrepro.envs.host import host_inventory

__all__ = ["host_inventory"]
