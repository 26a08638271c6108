"""Indicators: incremental, pure, exact to restore.

Each is a plain struct that holds its whole state, takes one value at a time with `update` and
one bar at a time with `feed`, and shows `NaN` until it has seen enough. `NaN` compares false
with everything, so `if fast > slow` needs no case for the warm-up. Formulas use addition,
subtraction, multiplication, division and square roots only; sums are correctly rounded
(`math.fsum`), so that they neither drift nor depend on the machine.
"""

from services.strategy.indicators.atr import Atr
from services.strategy.indicators.bollinger import Bollinger
from services.strategy.indicators.macd import Macd
from services.strategy.indicators.moving import Ema, Sma
from services.strategy.indicators.rsi import Rsi

type Indicator = Sma | Ema | Rsi | Atr | Macd | Bollinger

__all__ = ["Atr", "Bollinger", "Ema", "Indicator", "Macd", "Rsi", "Sma"]
