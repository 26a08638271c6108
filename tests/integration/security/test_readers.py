"""What the server cannot refuse, because it stands on the speaker's own lane: readers do."""

import asyncio
from collections.abc import Mapping

import pytest

from shared.messages.base import Message
from shared.messages.control import Activate, Kill, Resume
from shared.permissions import CONSOLE
from shared.subjects import lane, subject_of
from shared.tape.entry import fact
from shared.tape.jetstream import JetStreamTape, init_tape
from tests.servers import NatsUnderTest
from tests.tapes import connected

TAPE_ID = "00112233445566ff"
CONSOLE_LANE = lane("control", CONSOLE)
SIGNAL = "strategy.ema.signal.SPY"
CAUSED = {"Tape-Cause": "1"}


def payload(message: Message) -> bytes:
    return fact(TAPE_ID, CONSOLE_LANE, message, ts_ns=1, key="k").payload


RESUME = payload(Resume(reason="r", valid_until_ns=9, expected_seq=1))
ACTIVATE = payload(Activate(strategy_id="ema", reason="r"))

FORGERIES: dict[str, tuple[str, bytes, Mapping[str, str]]] = {
    "a heartbeat of the server": (SIGNAL, b"", {**CAUSED, "Status": "100"}),
    "the end of a consumer": (SIGNAL, b"", {"Status": "409", "Description": "Consumer Deleted"}),
    "a republished message": (SIGNAL, b"{}", {**CAUSED, "Nats-Subject": "risk.main.approved.X"}),
    "a message without a cause": (SIGNAL, b"{}", {}),
    "a cause that is no number": (SIGNAL, b"{}", {"Tape-Cause": "x"}),
    "an index that is no number": (SIGNAL, b"{}", {**CAUSED, "Tape-Index": "-1"}),
    "a message that vanishes": (SIGNAL, b"{}", {**CAUSED, "Nats-TTL": "1s"}),
    "a resume as a signal": (SIGNAL, RESUME, CAUSED),
    "a resume as an activation": ("control.strategy.activate.ema", RESUME, {}),
    "an activation of another": ("control.strategy.activate.spy", ACTIVATE, {}),
    "rubbish": (SIGNAL, b"\xff\x00 rubbish", CAUSED),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_on_the_strategies_own_lanes_reaches_nobody(
    clean_nats: NatsUnderTest, name: str
) -> None:
    subject, body, headers = FORGERIES[name]

    async def scenario() -> None:
        async with connected(clean_nats) as admin:
            await init_tape(admin, TAPE_ID)
        async with (
            connected(clean_nats, "strategy") as thief,
            connected(clean_nats, CONSOLE) as console,
            connected(clean_nats, "risk") as risk,
        ):
            ack = await thief.request(subject, body, headers=dict(headers), timeout=5)
            assert b'"seq":1' in ack.data, "it stands on the tape, as the server sees it"
            kill = fact(TAPE_ID, CONSOLE_LANE, Kill(reason="r", valid_until_ns=9), ts_ns=1, key="k")
            await (await JetStreamTape.open(console)).tell(kill, once_id="k")
            tape = await JetStreamTape.open(risk)
            async with tape.reader([">"], 1) as reader:
                found = await reader.next(5)
                assert found is not None
                assert found.seq == 2
                assert reader.recreations == 0
            await tape.last("strategy.ema.>")  # asking for a lane's end survives it, too

    asyncio.run(scenario())


def test_a_command_whose_id_somebody_took_first_is_said_all_the_same(
    clean_nats: NatsUnderTest,
) -> None:
    said = Kill(reason="stop", valid_until_ns=9)
    kill = fact(TAPE_ID, CONSOLE_LANE, said, ts_ns=1, key="known")

    async def scenario() -> None:
        async with connected(clean_nats) as admin:
            await init_tape(admin, TAPE_ID)
        async with (
            connected(clean_nats, "strategy") as thief,
            connected(clean_nats, CONSOLE) as console,
        ):
            poison = {**CAUSED, "Nats-Msg-Id": "known"}
            await thief.request(SIGNAL, b"{}", headers=poison, timeout=5)
            tape = await JetStreamTape.open(console)
            seq = await tape.tell(kill, once_id="known")
            found = await tape.get(seq)
            assert found is not None
            assert found.subject == subject_of(CONSOLE_LANE, said)

    asyncio.run(scenario())
