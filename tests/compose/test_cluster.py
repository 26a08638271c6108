"""Three servers with a copy of the tape each: the one that leads dies, and the tape goes on."""

import json
import os
from collections.abc import Generator

import pytest

from tests.compose.stack import ALL, SERVERS, SERVICES, Stack, run, wait_for

NAMES = ("nats", "nats-2", "nats-3")
STREAMS = "http://127.0.0.1:8222/jsz?accounts=true&streams=true&config=true"

pytestmark = [
    pytest.mark.compose,
    pytest.mark.timeout(240),
    pytest.mark.skipif(ALL not in os.environ, reason="a minute: `make compose-test` runs it"),
]


@pytest.fixture(scope="module")
def cluster(images: None) -> Generator[Stack]:
    settings = {
        "TAPEDECK_TAG": "test",
        "COMPOSE_PROFILES": "cluster",
        "TAPEDECK_NATS_CLUSTER": ",".join(NAMES),
    }
    made = Stack(f"tapedeck-cluster-{os.getpid()}", settings)
    try:
        made.up()
        yield made
    finally:
        made.down()


def streams(stack: Stack, server: str) -> dict[str, tuple[str, int]]:
    """Return who leads each stream, and how many copies it has."""
    told = json.loads(stack.compose("exec", "-T", server, "wget", "-qO-", STREAMS))
    return {
        stream["name"]: (stream["cluster"].get("leader", ""), stream["config"]["num_replicas"])
        for account in told["account_details"]
        for stream in account.get("stream_detail", ())
    }


def test_a_server_that_leads_may_die(cluster: Stack) -> None:
    cluster.wait_healthy(*SERVERS, *SERVICES, *NAMES, "postgres-2")
    found = streams(cluster, "nats")
    assert {name: copies for name, (_, copies) in found.items()} == {
        "TAPE": 3,
        "SNAPSHOTS": 3,
        "KV_MEMBERS": 3,
    }
    cluster.wait_for_trading()
    leader = found["TAPE"][0]
    before = cluster.stored()
    (container,) = cluster.containers(leader)
    run("docker", "kill", container)

    wait_for(lambda: cluster.stored() > before + 400, "the tape goes on with two", 60.0)
    run("docker", "start", container)
    cluster.wait_healthy(*NAMES, *SERVICES)
    cluster.wait_for_trading()
    cluster.check_books()


def test_the_copy_of_the_database_follows_and_holds_it_up_to_date(cluster: Stack) -> None:
    cluster.wait_for_trading()
    assert copy_says(cluster, "SELECT pg_is_in_recovery()") == "t"
    stored = cluster.stored()
    query = "SELECT coalesce(max(seq), 0) FROM tape_events"
    wait_for(lambda: int(copy_says(cluster, query)) >= stored, "the copy follows", 30.0)
    cluster.compose("restart", "postgres-2")
    cluster.wait_healthy("postgres-2")
    stored = cluster.stored()
    wait_for(lambda: int(copy_says(cluster, query)) >= stored, "and again after a restart", 30.0)


def copy_says(stack: Stack, query: str) -> str:
    """Return the one value of a query on the copy."""
    psql = ("psql", "-U", "tapedeck", "-d", "tapedeck", "-At", "-c", query)
    return stack.compose("exec", "-T", "postgres-2", *psql).strip()
