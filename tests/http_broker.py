"""A broker behind HTTP, on loopback, as awkward as a real one; and an adapter that speaks to it.

Orders have caller-made ids; a repeated id is refused with 422 and makes no order. What an order
meets is written in its id: `lost-…` is accepted and the connection closed, `broken-…` is accepted
and answered with 500, `down-…` is answered with 503 and not accepted (each the first time only),
`slow-…` is accepted and answered too late. Every order fills in two parts; the stream tells the
second before the first, and both twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from shared.runtime.venue import (
    Execution,
    NoAnswerError,
    OrderStatement,
    RepeatedIdError,
    VenueEvent,
    VenueOrder,
    VenueRefusedError,
    VenueSnapshot,
)

TIMEOUT_S = 0.3
PARTS = 2


class HttpBroker:
    """The server. `orders` by client id, `posts` counts the requests of each."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.posts: dict[str, int] = {}
        self.cancels: dict[str, int] = {}
        self.fills = True
        self._grown = asyncio.Condition()
        self._told: list[dict[str, Any]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            verb, path, _ = head.split("\r\n")[0].split(" ")
            length = next(
                (
                    int(x[15:])
                    for x in head.lower().split("\r\n")
                    if x.startswith("content-length:")
                ),
                0,
            )
            body = json.loads(await reader.readexactly(length)) if length else {}
            if path == "/events":
                await self._stream(reader, writer)
            answer = await self._answer(verb, path, body)
            if answer is not None:
                status, document = answer
                text = json.dumps(document).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode())
                writer.write(text)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _answer(
        self, verb: str, path: str, body: dict[str, Any]
    ) -> tuple[HTTPStatus, Any] | None:
        match verb, path.split("/")[1:]:
            case "POST", ["orders"]:
                return await self._post(body)
            case "GET", ["orders", identity]:
                found = self.orders.get(identity)
                return (HTTPStatus.OK, found) if found else (HTTPStatus.NOT_FOUND, {})
            case "DELETE", ["orders", identity]:
                self.cancels[identity] = self.cancels.get(identity, 0) + 1
                if identity in self.orders and not self.orders[identity]["ended"]:
                    self.orders[identity]["ended"] = "cancelled"
                return HTTPStatus.OK, {}
            case "GET", ["snapshot"]:
                return HTTPStatus.OK, {"orders": list(self.orders.values())}
            case _:
                return HTTPStatus.NOT_FOUND, {}

    async def _post(self, body: dict[str, Any]) -> tuple[HTTPStatus, Any] | None:
        identity = body["client_order_id"]
        first = identity not in self.posts
        self.posts[identity] = self.posts.get(identity, 0) + 1
        fate = identity.split("-")[0] if first else ""
        if fate == "down":
            return HTTPStatus.SERVICE_UNAVAILABLE, {}
        if identity in self.orders:
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "client_order_id must be unique"}
        await self._accept(body)
        if fate == "lost":
            return None
        if fate == "broken":
            return HTTPStatus.INTERNAL_SERVER_ERROR, {}
        if fate == "slow":
            await asyncio.sleep(2 * TIMEOUT_S)
        return HTTPStatus.OK, self.orders[identity]

    async def _accept(self, body: dict[str, Any]) -> None:
        identity, quantity = body["client_order_id"], Decimal(body["quantity"])
        part = str(quantity / PARTS)
        fills = [
            {"fill_id": f"x-{identity}-{n}", "quantity": part, "price": "10"} for n in range(PARTS)
        ]
        self.orders[identity] = {
            "client_order_id": identity,
            "id": f"b-{identity}",
            "symbol": body["symbol"],
            "filled": str(quantity) if self.fills else "0",
            "ended": "filled" if self.fills else "",
            "fills": fills if self.fills else [],
        }
        async with self._grown:
            self._told += [
                {"client_order_id": identity, "symbol": body["symbol"], **fill}
                for fill in (fills[1], fills[0], fills[1], fills[0])
                if self.fills
            ]
            self._grown.notify_all()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = 0
        while True:
            async with self._grown:
                while len(self._told) <= said:
                    await self._grown.wait()
            if reader.at_eof():
                return
            for one in self._told[said:]:
                writer.write(json.dumps(one).encode() + b"\n")
            said = len(self._told)
            await writer.drain()


@asynccontextmanager
async def http_broker() -> AsyncIterator[HttpBroker]:
    """A broker that listens."""
    broker = HttpBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()


class HttpVenue:
    """The adapter: one call is one request. Sees the orders of one book only (`…-<book>`)."""

    timeout_s = TIMEOUT_S
    rejects_repeated_ids = True

    def __init__(self, port: int, book: str) -> None:
        self._port = port
        self._book = book

    async def submit(self, order: VenueOrder) -> OrderStatement:
        body = {
            "client_order_id": order.client_order_id,
            "symbol": order.symbol,
            "quantity": str(order.quantity),
        }
        status, answer = await self._ask("POST", "/orders", body)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise RepeatedIdError(order.client_order_id)
        if status != HTTPStatus.OK:
            raise VenueRefusedError("rejected", str(answer))
        return _stated(answer)

    async def cancel(self, client_order_id: str) -> None:
        await self._ask("DELETE", f"/orders/{client_order_id}")

    async def find(self, client_order_id: str) -> OrderStatement | None:
        status, answer = await self._ask("GET", f"/orders/{client_order_id}")
        return _stated(answer) if status == HTTPStatus.OK else None

    async def snapshot(self) -> VenueSnapshot:
        _, answer = await self._ask("GET", "/snapshot")
        orders = [one for one in answer["orders"] if self._is_mine(one)]
        return VenueSnapshot(
            cash=Decimal(100),
            currency="USD",
            positions={},
            orders=tuple(_stated(one) for one in orders),
            executions=tuple(_executed(one | fill) for one in orders for fill in one["fills"]),
        )

    async def events(self) -> AsyncIterator[VenueEvent]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise NoAnswerError(str(error)) from error
        try:
            writer.write(b"GET /events HTTP/1.1\r\n\r\n")
            while line := await reader.readline():
                one = json.loads(line)
                if self._is_mine(one):
                    yield _executed(one)
        finally:
            writer.close()
        raise NoAnswerError("the stream ended")

    def _is_mine(self, one: dict[str, Any]) -> bool:
        return str(one["client_order_id"]).endswith(f"-{self._book}")

    async def _ask(self, verb: str, path: str, body: object = None) -> tuple[int, Any]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    text = json.dumps(body).encode() if body is not None else b""
                    head = f"{verb} {path} HTTP/1.1\r\nContent-Length: {len(text)}\r\n\r\n"
                    writer.write(head.encode() + text)
                    answer = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise NoAnswerError(f"{verb} {path}: {type(error).__name__} {error}") from error
        if not answer:
            raise NoAnswerError(f"{verb} {path}: the connection was closed")
        status = int(answer.split(b" ", 2)[1])
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NoAnswerError(f"{verb} {path}: {status}")
        return status, json.loads(answer.partition(b"\r\n\r\n")[2])


def _stated(one: dict[str, Any]) -> OrderStatement:
    return OrderStatement(
        client_order_id=one["client_order_id"],
        broker_order_id=one["id"],
        symbol=one["symbol"],
        filled=Decimal(one["filled"]),
        ended=one["ended"],
    )


def _executed(one: dict[str, Any]) -> Execution:
    return Execution(
        client_order_id=one["client_order_id"],
        symbol=one["symbol"],
        execution_id=one["fill_id"],
        quantity=Decimal(one["quantity"]),
        price=Decimal(one["price"]),
    )
