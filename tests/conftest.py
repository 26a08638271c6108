"""Fixtures for every kind of test; what they do is described where they are defined."""

from tests.servers import (  # noqa: F401 - pytest finds fixtures by their names here
    clean_nats,
    database_url,
    nats_server,
    postgres_server,
)
