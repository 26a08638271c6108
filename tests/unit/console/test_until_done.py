from decimal import Decimal

from console.until_done import Result
from services.ledger.queries import RunSummary
from shared.tape.interface import Bounds

TOLD = RunSummary(
    bars=3, signals=2, approved=1, denied=1, orders=1, fills=1, cash=Decimal("1E+2"),
    equity=Decimal("100.50"), positions={"B": Decimal("2.5"), "A": Decimal(-1)}, balanced=True,
    faults=(), cursor=9,
)  # fmt: skip


def test_a_result_is_json_with_exact_decimal_text_in_a_fixed_order() -> None:
    document = Result("0" * 16, Bounds(1, 9), TOLD, 1.23456).document()
    assert document["cash"] == "100"
    assert document["equity"] == "100.50"
    assert list(document["positions"].items()) == [("A", "-1"), ("B", "2.5")]  # type: ignore[attr-defined]
    assert document["tape"] == {"id": "0" * 16, "first": 1, "last": 9}
    assert document["seconds"] == 1.235
