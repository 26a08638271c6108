"""Every message the desk knows, and the one way between objects and wire bytes.

On the wire a message is one flat JSON object: first the head (who, because of what, when), then
the content. Readers ignore fields they do not know; an unknown `type` is refused by name.
"""

from itertools import chain
from typing import Union, get_args

import msgspec
from msgspec import Struct

from shared.domain.errors import TapedeckError
from shared.messages.base import SCHEMA_VERSION, Message
from shared.messages.books import ClosedDay, Mismatch
from shared.messages.broker import (
    Ack,
    BrokerSnapshot,
    Charge,
    Doubtful,
    Outage,
    Refused,
    Report,
    Sending,
)
from shared.messages.control import (
    Activate,
    Cancel,
    Deactivate,
    Flatten,
    Kill,
    Quarantine,
    Resume,
    SetLimit,
)
from shared.messages.decisions import (
    Approved,
    Denied,
    Halted,
    Limits,
    Resumed,
    Violation,
)
from shared.messages.lane import State
from shared.messages.market import Bar, Clock, CorporateAction, MarketStatus, Quote, Trade
from shared.messages.orders import (
    Accepted,
    Account,
    Cancelled,
    Cancelling,
    Charged,
    Expired,
    External,
    Filled,
    Rejected,
    Submitting,
    Unknown,
)
from shared.messages.signals import Signal, Suppressed

type MarketMessage = Bar | Quote | Trade | MarketStatus | CorporateAction | Clock
type StrategyMessage = Signal | Suppressed
type RiskMessage = Approved | Denied | Violation | Halted | Resumed | Limits
type ExecutionMessage = (
    Submitting
    | Cancelling
    | Accepted
    | Filled
    | Cancelled
    | Rejected
    | Expired
    | Unknown
    | External
    | Account
    | Charged
)
type BrokerFact = Sending | Ack | Report | Refused | Doubtful | Outage | Charge | BrokerSnapshot
type ControlMessage = (
    Activate | Deactivate | Kill | Resume | Flatten | Cancel | SetLimit | Quarantine
)
type LedgerMessage = ClosedDay | Mismatch

BY_SERVICE: dict[str, tuple[type[Message], ...]] = {
    "data": get_args(MarketMessage.__value__),
    "strategy": get_args(StrategyMessage.__value__),
    "risk": get_args(RiskMessage.__value__),
    "execution": get_args(ExecutionMessage.__value__),
    "broker": get_args(BrokerFact.__value__),
    "control": get_args(ControlMessage.__value__),
    "ledger": get_args(LedgerMessage.__value__),
}
"""Which service may say what; `State` may stand on every actor's lane."""


class MessageError(TapedeckError):
    """Bytes on the tape that are not a message this version understands."""


class Head(Struct, frozen=True, kw_only=True):
    """Identity, cause and time of a message. Written by the runtime, first in the JSON object.

    `ts_ns` is the message's own time: venue time for market data, the cause's time for what is
    derived, wall time for broker facts and control. `causation_id` is "" when nothing on the
    tape caused the message.
    """

    id: str
    causation_id: str
    correlation_id: str
    ts_ns: int
    v: int = SCHEMA_VERSION


_KNOWN = (State, *chain.from_iterable(BY_SERVICE.values()))

_encode = msgspec.json.Encoder(order=None).encode
_decode_message = msgspec.json.Decoder(Union[_KNOWN]).decode  # noqa: UP007 - a union made of a tuple
_decode_head = msgspec.json.Decoder(Head).decode


def encode(head: Head, message: Message) -> bytes:
    """Return the wire form: the fields of `head`, then those of `message`, in one object."""
    return _encode(head)[:-1] + b"," + _encode(message)[1:]


def decode(payload: bytes) -> tuple[Head, Message]:
    """Return head and message; raise MessageError naming what is wrong."""
    try:
        head = _decode_head(payload)
        if head.v > SCHEMA_VERSION:
            raise MessageError(
                f"message {head.id} has schema version {head.v}, this release understands"
                f" up to {SCHEMA_VERSION}: update Tapedeck"
            )
        return head, _decode_message(payload)
    except msgspec.MsgspecError as error:
        raise MessageError(f"not a message of this release: {error}") from error
