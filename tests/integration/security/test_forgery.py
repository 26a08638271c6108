"""Every known road by which one zone could speak for another, tried against the real server.

After each of them the streams must hold what they held, configured as they were, and nobody in
another zone may have heard anything. A road is a list of publishes: that is all a client can do.
"""

import asyncio

import pytest

from shared.permissions import KILL_SUBJECT, SNAPSHOT_STREAM, TAPE_STREAM, VAULTS, renamed
from tests.integration.security.stage import OWN, Road, Say, stage
from tests.servers import NatsUnderTest

API = "$JS.API."
FOREIGN = "risk.main.approved.FORGED"
INBOX = "_INBOX.risk.secret.1"
THIEVES = tuple(OWN)


def consumer(name: str, **config: object) -> dict[str, object]:
    fixed = {"name": name, "deliver_policy": "all", "ack_policy": "none", "mem_storage": True}
    return {"stream_name": TAPE_STREAM, "config": fixed | config}


def make(name: str, **config: object) -> Say:
    return Say(f"{API}CONSUMER.CREATE.{TAPE_STREAM}.{name}", consumer(name, **config))


def answered_on(target: str, own: str) -> list[Road]:
    """Have the server answer a request of one's own on a subject of others."""
    get = {"last_by_subj": own}
    pull = f"{API}CONSUMER.MSG.NEXT.{TAPE_STREAM}.spy"
    questions = {
        "a publish": [Say(own, headers={"Tape-Cause": "1"}, reply=target)],
        "a message by sequence": [Say(f"{API}STREAM.MSG.GET.TAPE", {"seq": 1}, target)],
        "a message by subject": [Say(f"{API}STREAM.MSG.GET.TAPE", get, target)],
        "a direct get": [Say(f"{API}DIRECT.GET.TAPE", get, target)],
        "a direct get by subject": [Say(f"{API}DIRECT.GET.TAPE.{own}", b"", target)],
        "the stream's state": [Say(f"{API}STREAM.INFO.TAPE", b"", target)],
        "making a consumer": [make("spy")._replace(reply=target)],
        "a pull": [make("spy", filter_subjects=[own]), Say(pull, {"batch": 5}, target)],
        "a pull that expires": [make("spy"), Say(pull, {"batch": 1, "expires": 1000}, target)],
    }
    return [Road(f"{name} answered on {target}", says, target) for name, says in questions.items()]


def pushed_to(target: str, own: str) -> Road:
    """Have a consumer push one's own message to a subject of others."""
    says = [make("pusher", filter_subject=own, deliver_subject=target)]
    return Road(f"a consumer that pushes to {target}", says, target)


def administration(stream: str) -> list[Road]:
    config = {"name": stream, "subjects": ["nowhere.>"], "storage": "file"}
    verbs: dict[str, object] = {
        "STREAM.CREATE": config,
        "STREAM.UPDATE": config,
        "STREAM.DELETE": {},
        "STREAM.PURGE": {},
        "STREAM.MSG.DELETE": {"seq": 1},
        "STREAM.RESTORE": {"config": config},
        "STREAM.SNAPSHOT": {"deliver_subject": INBOX},
        "STREAM.LEADER.STEPDOWN": {},
    }
    roads = []
    for verb, payload in verbs.items():
        call = f"{API}{verb}.{stream}"
        roads.append(Road(call, [Say(call, payload)]))
        roads.append(Road(renamed(call), [Say(renamed(call), payload)]))
    return roads


def streams_of_ones_own() -> list[Road]:
    """Have a stream carry one's messages to where one may not speak."""
    source = {"name": TAPE_STREAM, "external": {"api": "TAPE.API", "deliver": FOREIGN}}
    configs: dict[str, dict[str, object]] = {
        "republishes": {"subjects": ["mine"], "republish": {"src": ">", "dest": FOREIGN}},
        "mirrors the tape": {"mirror": source},
        "has the tape for a source": {"sources": [source]},
        "listens to risk": {"subjects": ["risk.>"]},
        "answers for the tape": {"subjects": ["TAPE.API.>"]},
        "takes over the members' name": {"subjects": ["risk.>", "lockstep.>"]},
    }
    roads = []
    for what, config in configs.items():
        name = "KV_MEMBERS" if "members" in what else "OWN"
        made = Say(f"{API}STREAM.CREATE.{name}", {"name": name, "storage": "memory", **config})
        roads.append(Road(f"a stream that {what}", [made, Say("mine"), Say("risk.x.y")]))
    return roads


def spoken(own: str) -> list[Road]:
    """Simply say it."""
    subjects = {
        "an approval": FOREIGN,
        "a fill": "execution.main.filled.SPY",
        "an answer of the broker": "broker.main.report.SPY",
        "a price": "data.file.bar.1m.SPY",
        "an analysis": "analysis.main.statistics",
        "a closed day": "ledger.main.closed_day.x",
        "a command of an operator": "control.console.resume",
        "a snapshot of risk": "snapshot.risk.main",
        "a snapshot of nobody": "snapshot.x",
        "an answer to risk": INBOX,
        "an answer of the server": "_R_.abc.def",
        "a grant": "lockstep.grant.risk.main",
        "a call": "lockstep.call",
        "a report of risk": "lockstep.report.risk.main",
        "a greeting of risk": "lockstep.hello.risk.main",
        "a membership": "$KV.MEMBERS.host-1",
        "an acknowledgement": "$JS.ACK.TAPE.x.1.1.1.1.1",
        "an order to the server": "$SYS.REQ.SERVER.RELOAD",
    }
    batch = {"Nats-Batch-Id": "b"}
    mixed = [
        Say(own, headers={**batch, "Nats-Batch-Sequence": "1"}),
        Say(FOREIGN, headers={**batch, "Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}),
    ]
    said = [Road(f"{name}: {to}", [Say(to)], to) for name, to in subjects.items()]
    return [*said, Road("an atomic batch with a foreign message in it", mixed, FOREIGN)]


def with_headers(own: str) -> list[Road]:
    """Have a header of a message on one's own lane act on others."""
    headers = {
        "a rollup of the stream": {"Nats-Rollup": "all"},
        "a rollup of the subject": {"Nats-Rollup": "sub"},
        "a schedule onto risk's lane": {
            "Nats-Schedule": "@every 1s",
            "Nats-Schedule-Target": FOREIGN,
        },
        "a counter": {"Nats-Incr": "+1"},
    }
    return [Road(name, [Say(own, headers=told)]) for name, told in headers.items()]


def roads(thief: str) -> list[Road]:
    own = OWN[thief]
    targets = [FOREIGN, "control.console.resume", "snapshot.risk.main", KILL_SUBJECT]
    targets += ["lockstep.grant.risk.main", INBOX]
    pushed = [*targets, "$KV.MEMBERS.host-1", *(f"{API}STREAM.PURGE.{s}" for s in VAULTS)]
    return [
        *spoken(own),
        *(road for target in targets for road in answered_on(target, own)),
        *(pushed_to(target, own) for target in pushed),
        *administration(TAPE_STREAM),
        *administration(SNAPSHOT_STREAM),
        *streams_of_ones_own(),
        *with_headers(own),
        Road("a consumer of snapshots", [Say(f"{API}CONSUMER.CREATE.{SNAPSHOT_STREAM}.spy", {})]),
    ]


@pytest.mark.parametrize("thief", THIEVES)
def test_no_road_leads_out_of_a_zone(clean_nats: NatsUnderTest, thief: str) -> None:
    walked = [road for road in roads(thief) if not road.is_a_right_of(thief)]

    async def scenario() -> list[str]:
        async with stage(clean_nats, thief) as scene:
            if not await scene.walk(walked):
                return []
            # Which one was it?
            found = [(road.name, await scene.walk([road])) for road in walked]
            return [f"{name}: {what}" for name, what in found if what]

    assert asyncio.run(scenario()) == []


def test_what_is_refused_is_said(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with stage(clean_nats, "strategy") as scene:
            await scene.walk([Road("an approval", [Say(FOREIGN)])])
            await scene.client.subscribe("_INBOX.risk.>")
            await scene.client.subscribe("risk.main.>")
            await scene.client.flush()
            async with asyncio.timeout(5):
                while len(scene.refusals) < 3:
                    await asyncio.sleep(0.01)
        assert f'permissions violation for publish to "{FOREIGN.lower()}"' in scene.refusals[0]
        assert all("permissions violation for subscription" in r for r in scene.refusals[1:])

    asyncio.run(scenario())


def test_the_stage_would_notice(clean_nats: NatsUnderTest) -> None:
    """The test of the test: what an administrator does is seen in every place."""

    async def scenario() -> None:
        async with stage(clean_nats, "strategy") as scene:
            before = await scene.evidence()
            await scene.admin.request("risk.main.approved.X", b"", timeout=5)
            counted = await scene.evidence()
            assert counted != before
            await scene.admin.request("snapshot.risk.main", b"poison", timeout=5)
            assert await scene.evidence() != counted
            await scene.admin.request(f"{API}STREAM.PURGE.TAPE", b"", timeout=5)
            assert (await scene.evidence()).streams != before.streams
            await scene.admin.publish(KILL_SUBJECT, b"")
            async with asyncio.timeout(5):
                while len(scene.heard) < 2:
                    await asyncio.sleep(0.01)
            assert sorted(set(scene.heard)) == [
                f"execution heard {KILL_SUBJECT}",
                f"risk heard {KILL_SUBJECT}",
            ]

    asyncio.run(scenario())
