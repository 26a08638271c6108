from services.strategy.indicators import Bollinger


def test_the_bands_lie_width_deviations_from_the_average() -> None:
    bands = Bollinger(4, 2.0)
    for price in (1.0, 3.0, 1.0, 3.0):
        bands.update(price)
    assert (bands.lower, bands.value, bands.upper) == (0.0, 2.0, 4.0)
