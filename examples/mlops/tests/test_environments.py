"""What starts a pipeline, what keeps its results and what runs its steps have the same packages."""

import os

import pytest

from pytest_envrepro import Environment, Environments

# Where the image that the table names cannot be pulled: EXECUTION_IMAGE=registry.example/python:3.12 pytest
INSTEAD = {"base_image": os.environ["EXECUTION_IMAGE"], "python": None} if os.environ.get("EXECUTION_IMAGE") else {}
in_a_step = pytest.mark.environment("execution", **INSTEAD)
in_the_client = pytest.mark.environment("client")


@in_a_step
def test_client_and_steps_agree(environments: Environments, environment: Environment) -> None:
    assert environments.get("client").inventory() == environment.inventory()


@in_the_client
def test_client_and_server_agree(environments: Environments, environment: Environment) -> None:
    client, server = environment.inventory(), environments.get("server").inventory()
    both = client.keys() & server.keys()

    assert both == {"cloudpickle"}
    assert {name: client[name].version for name in both} == {name: server[name].version for name in both}


@in_a_step
def test_step(environment: Environment) -> None:
    done = environment.run_python("/app/weigh.py", input="1.5\n2.5\n")

    assert done.stdout == '{"mean": 2.0, "cloudpickle": "3.1.2"}'


@pytest.mark.xfail(raises=AssertionError, strict=True, reason="shows what is said where they differ: pytest --runxfail")
@in_a_step
def test_mended_by_hand(environments: Environments, throwaway_container: Environment) -> None:
    throwaway_container.install("cloudpickle==3.1.0", "tabulate")

    assert environments.get("client").inventory() == throwaway_container.inventory()
