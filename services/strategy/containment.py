"""What surrounds an author's code: it may raise, and a host may have ended it for hanging.

A call that raises is as if it had not been made: what it said and what it did to its attributes
is taken back (`rollback`), what the message says itself (a price, a fill) stays. After
`errors_max` in a row the strategy is quarantined: not called again until it is activated.

A host that ends a call for hanging puts a `quarantine` on the tape, behind the message concerned.
The core is told of it ahead (`foresee`), or whoever recovers would hang at the same place: from
`from_seq` to the quarantine the author is not called, as it was not then.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

from services.strategy import snapshot
from services.strategy.author import Strategy
from services.strategy.blame import explain
from services.strategy.freeze import SnapshotError
from services.strategy.indicators import Indicator
from services.strategy.rollback import Rollback, Step, messages_until_next
from services.strategy.seat import IndicatorKey, Seat
from services.strategy.state import NO_SYMBOL, Code, Instance, StrategyState
from shared import subjects
from shared.core import Stamp
from shared.domain.errors import InvariantError, ensure
from shared.messages.base import Message
from shared.messages.control import Quarantine
from shared.messages.market import Bar
from shared.subjects import HOST

NEVER_SEQ = 2**63 - 1


class _CallFailedError(Exception):
    """An author's call raised; `number` counts the calls of one message."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number
        self.what = what


class Containment(ABC):
    """The part of a strategy core that calls the author; the rest decides when."""

    def __init__(self, instance: Instance, strategy: Strategy) -> None:
        self._instance = instance
        self._strategy = strategy
        self._seq = 0
        self._state = StrategyState()
        self._seat = Seat(instance, self._state)
        self._hooks = _hooks_of(strategy)
        self._rollback = Rollback()
        self._journal = self._rollback.journal
        self._journal_full = 0  # 0: look about before every message
        self._windows: list[tuple[int, int]] = []  # from the first not handled, to its quarantine
        self._blind_from = NEVER_SEQ
        self._calls = 0
        self._failed: dict[int, str] = {}
        self._is_again = False

    @property
    def strategy(self) -> Strategy:
        """The author's object; for inspection only."""
        return self._strategy

    @property
    def state(self) -> StrategyState:
        """What it knows; for inspection only."""
        return self._state

    @property
    def indicators(self) -> Mapping[IndicatorKey, Indicator]:
        """The indicators asked for so far, by (kind, symbol, settings …); for inspection only."""
        return self._seat.indicators

    @property
    @abstractmethod
    def lane(self) -> subjects.Lane:
        """The lane of this instance."""

    @abstractmethod
    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message and return what it causes."""

    @abstractmethod
    def _dispatch(self, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        """Apply a message that is no bar; calls the author through `_call` alone."""

    # Calls.

    def _call(self, name: str, symbol: str, hook: Callable[[], None]) -> tuple[Message, ...]:
        """Call a hook, if the author wrote it, and return what it said."""
        if self._state.is_quarantined or name not in self._hooks:
            return ()
        number = self._calls
        self._calls = number + 1
        if number in self._failed:
            return self._record(self._failed[number], symbol)
        try:
            hook()
        except (Exception, SystemExit) as error:
            what = self._blame(error)
            if self._cannot_go_back:
                return self._contain(what, symbol)
            raise _CallFailedError(number, what) from error
        self._state.errors = 0
        return self._seat.settle(NO_SYMBOL)

    def _take(self, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        """Handle a message; whichever of its calls raise are as if they had not been made."""
        if len(self._journal) >= self._journal_full:
            self._look_about(stamp.seq)
        was_quarantined = self._state.is_quarantined
        if not was_quarantined:
            self._rollback.note(stamp, message)
        self._seq = stamp.seq
        failed: dict[int, str] = {}
        while (said := self._try(stamp, message, failed)) is None:
            self._go_back()
        if failed or (was_quarantined and not self._state.is_quarantined):
            self._set_checkpoint()
        return said

    def _try(
        self, stamp: Stamp, message: Message, failed: dict[int, str]
    ) -> tuple[Message, ...] | None:
        """Handle a message without the calls that `failed`; None when one more does."""
        self._calls, self._failed = 0, failed
        try:
            return self._dispatch(stamp, message)
        except _CallFailedError as call:
            failed[call.number] = call.what
            return None

    def _take_bar_back(self, error: BaseException, stamp: Stamp, bar: Bar) -> tuple[Message, ...]:
        what = self._blame(error)
        if self._cannot_go_back:
            return self._contain(what, bar.symbol)
        self._go_back()
        self._state.is_quarantined = True  # for a moment: what the bar says, without the author
        self.handle(stamp, bar)
        self._state.is_quarantined = False
        said = self._record(what, bar.symbol)
        self._set_checkpoint()
        return said

    def _blame(self, error: BaseException) -> str:
        if isinstance(error, InvariantError | MemoryError):
            raise error
        return self._say(error)

    def _say(self, error: BaseException) -> str:
        return explain(error, sys.modules[type(self._strategy).__module__].__file__ or "")

    @property
    def _cannot_go_back(self) -> bool:
        # Who raises when it handles again what it handled well is not deterministic: a recovery
        # will say so. Here it is enough not to go round in circles.
        return self._is_again or bool(self._rollback.stuck)

    def _contain(self, what: str, symbol: str) -> tuple[Message, ...]:
        """Take back what a call said; what it did cannot be."""
        self._seat.withdraw()
        stays = f"; what it did to its attributes stays: {self._rollback.stuck}"
        return self._record(what + stays, symbol)

    def _record(self, what: str, symbol: str) -> tuple[Message, ...]:
        """Put an author's error on record; take the strategy out of service if it goes on."""
        state, seat = self._state, self._seat
        state.errors += 1
        seat.say_suppressed(symbol, Code.ERROR, what)
        if state.errors >= self._instance.errors_max:
            self._stop(is_quarantine=True)
            seat.say_suppressed(
                symbol, Code.QUARANTINED, f"{state.errors} errors in a row; activate to go on"
            )
        return seat.settle(NO_SYMBOL)

    def _stop(self, *, is_quarantine: bool) -> None:
        state = self._state
        state.is_active = False
        if is_quarantine:
            self._be_quarantined()
        state.changed_seq = self._seq

    def _be_quarantined(self) -> None:
        self._state.is_quarantined = True
        self._rollback.forget()  # the next call comes after an `activate`, and a checkpoint

    # The way back.

    def _set_checkpoint(self) -> None:
        rollback = self._rollback
        if self._state.is_quarantined:
            rollback.forget()
            return
        try:
            data = self.snapshot()
        except SnapshotError as error:
            rollback.give_up(str(error))
        else:
            rollback.begin(data, self._seq, messages_until_next(len(data)))
        self._set_lookout()

    def _go_back(self) -> None:
        """Be where the core was before the last message of the journal."""
        *steps, last = self._rollback.take()
        self._handle_again(steps)
        self._pass_time(last.now_ns)
        self._rollback.note(last.stamp, last.message)
        self._seq = last.stamp.seq

    def _handle_again(self, steps: Iterable[Step]) -> None:
        """Go back to the checkpoint and from there through `steps`, silently."""
        self._seat.withdraw()
        self._seat.bar = None
        saved = snapshot.read(self._rollback.checkpoint, self._strategy)
        self._state = snapshot.put(saved, self._strategy, self._seat)
        self._is_again = True
        for step in steps:
            self._pass_time(step.now_ns)
            self.handle(step.stamp, step.message)
        self._is_again = False

    def _pass_time(self, now_ns: int) -> None:
        if now_ns:
            self._state.now_ns = max(self._state.now_ns, now_ns)
            self._rollback.time_passed(now_ns)

    # What a host took from the author.

    @property
    def foresees(self) -> Sequence[str]:
        """Filters of the messages to be given to `foresee` before anything is handled."""
        return [subjects.reading(HOST.service, HOST.actor, "quarantine", self.lane.actor)]

    def foresee(self, stamp: Stamp, message: Message, /) -> None:
        """Learn of a quarantine that stands further on than where handling starts."""
        if isinstance(message, Quarantine) and self._says_host(stamp, message):
            self._windows.append((message.from_seq, stamp.seq))
            self._blind_from = min(self._blind_from, message.from_seq)
            self._set_lookout()

    def _says_host(self, stamp: Stamp, command: Quarantine) -> bool:
        names_us = command.strategy_id == self.lane.actor
        return stamp.lane == HOST and names_us and 0 < command.from_seq < stamp.seq

    def _look_about(self, seq: int) -> None:
        """Do what is seldom to be done before a message: one comparison covers all of it."""
        if seq >= self._blind_from:
            self._look_ahead(seq)
        if len(self._journal) >= self._rollback.full and not self._state.is_quarantined:
            self._set_checkpoint()

    def _set_lookout(self) -> None:
        self._journal_full = 0 if self._windows else self._rollback.full

    def _look_ahead(self, seq: int) -> None:
        """Be quarantined within a window."""
        self._windows = [window for window in self._windows if seq < window[1]]
        self._blind_from = min((first for first, _ in self._windows), default=NEVER_SEQ)
        if seq >= self._blind_from and not self._state.is_quarantined:
            self._be_quarantined()
        self._set_lookout()

    def _undo_from(self, stamp: Stamp, command: Quarantine) -> None:
        """Take back what this instance handled and its host did not: it counts for both.

        It happens only when an actor moves away from a host while that hangs. Whoever recovers
        later foresees the quarantine, and must come to the same state.
        """
        first, rollback = command.from_seq, self._rollback
        if self._state.is_quarantined or not self._says_host(stamp, command):
            return
        *steps, _ = rollback.take()  # the last is the quarantine itself
        handled_seq = steps[-1].stamp.seq if steps else rollback.checkpoint_seq
        if handled_seq < first:
            return
        ensure(
            rollback.checkpoint_seq < first and not rollback.stuck,
            "INV-FORESEEN",
            f"{self.lane} cannot go back to before {first}, which its host did not handle",
        )
        self.foresee(stamp, command)
        self._handle_again(steps)
        self._seq = stamp.seq

    # State.

    def snapshot(self) -> bytes:
        """Return the whole state; SnapshotError when the author holds what cannot be stored."""
        place = snapshot.Place(self._seq, self._rollback.left, self._rollback.stuck)
        return snapshot.save(self._strategy, self._seat, place)

    def restore(self, state: bytes, /) -> None:
        """Take over a state that `snapshot` of the same release made; ValueError if unusable."""
        saved = snapshot.read(state, self._strategy)
        place, rollback = saved.place, self._rollback
        for first, quarantined_seq in self._windows:
            if first <= place.seq < quarantined_seq and not saved.state.is_quarantined:
                raise ValueError("the snapshot holds what a quarantine took back")
        self._state = snapshot.put(saved, self._strategy, self._seat)
        self._seq = place.seq
        if place.stuck:
            rollback.give_up(place.stuck, place.left)
        else:
            rollback.begin(state, place.seq, place.left)
        self._set_lookout()


def _hooks_of(strategy: Strategy) -> frozenset[str]:
    """Return the names of the hooks that the author wrote."""
    names = [name for name in vars(Strategy) if name.startswith("on_")]
    cls = type(strategy)
    return frozenset(n for n in names if getattr(cls, n) is not getattr(Strategy, n))
