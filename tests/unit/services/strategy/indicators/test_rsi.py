from services.strategy.indicators import Rsi


def rsi_of(*prices: float) -> float:
    index = Rsi(2)
    for price in prices:
        index.update(price)
    return index.value


def test_it_is_100_while_nothing_falls() -> None:
    assert rsi_of(1.0, 2.0, 3.0, 4.0) == 100.0


def test_it_is_0_while_everything_falls() -> None:
    assert rsi_of(4.0, 3.0, 2.0) == 0.0


def test_it_is_50_when_rises_and_falls_weigh_the_same() -> None:
    assert rsi_of(4.0, 5.0, 4.0) == 50.0
