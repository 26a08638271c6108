"""Fixtures for every kind of test; what they do is described where they are defined."""

import os
from collections.abc import Iterator

import pytest

from tests.servers import (  # noqa: F401 - pytest finds fixtures by their names here
    clean_nats,
    database_url,
    nats_server,
    postgres_server,
)


@pytest.fixture(autouse=True)
def settings_are_put_back() -> Iterator[None]:
    """Put the environment's settings back after each test.

    Commands note where the configuration comes from in the environment; processes that a later
    test starts would read it.
    """
    before = dict(os.environ)
    yield
    for name in [one for one in os.environ if one.startswith("TAPEDECK")]:
        del os.environ[name]
    os.environ.update({name: before[name] for name in before if name.startswith("TAPEDECK")})
