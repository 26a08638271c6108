from decimal import Decimal

from console.view.live import status_document, status_line
from console.view.picture import Holding, Picture, ServiceHealth


def test_the_line_says_what_matters() -> None:
    seen = Picture(title="t", strategies={}, starting_equity=Decimal(100), tape_end=12)
    assert "equity - · no positions" in status_line(seen)
    seen.cash, seen.halted = Decimal(90), "killed: drill"
    seen.holdings = (Holding("A", Decimal(2), Decimal(5), Decimal(4)),)
    seen.services = {"risk": ServiceHealth(True, "", 0, 0)}
    line = status_line(seen)
    assert "equity 98.00 (day -2.00) · 2 A" in line
    assert "1/1 services ready · HALTED killed: drill" in line


def test_the_document_says_the_same_in_decimal_text() -> None:
    seen = Picture(title="t", strategies={"x": "active"}, starting_equity=Decimal(100))
    assert status_document(seen)["equity"] is None
    seen.cash = Decimal("90.50")
    document = status_document(seen)
    assert (document["cash"], document["day_pnl"]) == ("90.50", "-9.50")
    assert document["strategies"] == {"x": "active"}
