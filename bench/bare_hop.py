"""One hop of the bare chain: read a message, publish it on another subject, fenced. No desk.

Usage: python -m bench.bare_hop FROM_SUBJECT TO_LANE, login by environment.
"""

import json
import os
import sys

import nats
import uvloop

STREAM = "TAPE"


async def hop(source: str, target: str) -> None:
    """Pass every message on, until ended from outside."""
    client = await nats.connect(
        os.environ["BENCH_URL"],
        user=os.environ["BENCH_USER"],
        password=os.environ["BENCH_PASSWORD"],
    )
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    config = {
        "deliver_policy": "new",
        "deliver_subject": inbox,
        "filter_subject": source,
        "ack_policy": "none",
        "mem_storage": True,
    }
    request = json.dumps({"stream_name": STREAM, "config": config}).encode()
    await client.request(f"$JS.API.CONSUMER.CREATE.{STREAM}", request, timeout=5)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    fence = 0
    async for message in subscription.messages:
        reply = await client.request(
            f"{target}.hop",
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
