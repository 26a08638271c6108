"""One hop of the bare chain: read a message, publish it on another subject, fenced. No desk.

Usage: python -m bench.bare_hop FROM_SUBJECT TO_LANE, login by environment.
"""

import json
import os
import sys

import uvloop

from shared.permissions import ADMIN
from shared.tape.client import Login, connect

STREAM = "TAPE"
CONSUMER = "$JS.API.CONSUMER"
PULLED = 100_000  # more than any run sends, so that one pull serves for all


async def hop(source: str, target: str) -> None:
    """Pass every message on, until ended from outside."""
    login = Login(ADMIN, seed=os.environ["BENCH_SEED"])
    client = await connect(os.environ["BENCH_URL"], name=ADMIN, login=login, timeout_s=5)
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    name = f"bare-{os.getpid()}"
    config = {
        "name": name,
        "deliver_policy": "new",
        "filter_subject": source,
        "ack_policy": "none",
        "mem_storage": True,
        "inactive_threshold": 600_000_000_000,
    }
    request = json.dumps({"stream_name": STREAM, "config": config}).encode()
    await client.request(f"{CONSUMER}.CREATE.{STREAM}.{name}", request, timeout=5)
    pull = json.dumps({"batch": PULLED}).encode()
    await client.publish(f"{CONSUMER}.MSG.NEXT.{STREAM}.{name}", pull, reply=inbox)
    await client.flush()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    fence = 0
    async for message in subscription.messages:
        reply = await client.request(
            f"{target}.{message.subject.split('.', 2)[2]}",
            message.data,
            timeout=5,
            headers={
                "Nats-Expected-Last-Subject-Sequence": str(fence),
                "Nats-Expected-Last-Subject-Sequence-Subject": f"{target}.>",
                "Tape-Cause": "1",
            },
        )
        fence = json.loads(reply.data)["seq"]


if __name__ == "__main__":
    uvloop.run(hop(sys.argv[1], sys.argv[2]))
