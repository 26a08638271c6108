"""One stack for all tests of this folder: built, brought up, and removed again."""

import os
from collections.abc import Generator

import pytest

from tests.compose.stack import SERVERS, SERVICES, Stack, engine_missing


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip, and say why, where no container engine can be had."""
    if reason := engine_missing():
        pytest.skip(f"SKIPPED, the compose file was NOT tested: {reason}")


@pytest.fixture(scope="session")
def images(engine: None) -> None:
    """Build what the compose file builds, under a tag of its own."""
    stack = Stack("tapedeck-test-build", {"TAPEDECK_TAG": "test"})
    stack.compose("build", "--quiet")


@pytest.fixture(scope="session")
def stack(images: None) -> Generator[Stack]:
    """The demo desk, healthy."""
    settings = {"TAPEDECK_TAG": "test", "TAPEDECK__DATA__SPEED": "300x"}
    made = Stack(f"tapedeck-test-{os.getpid()}", settings)
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def desk(stack: Stack) -> Stack:
    """The demo desk with one instance of everything, whatever the last test left."""
    if any(len(stack.containers(name)) != 1 for name in SERVICES):
        stack.up(*(f"--scale={name}=1" for name in SERVICES))
    stack.wait_healthy(*SERVERS, *SERVICES)
    return stack
