"""The strategy service. An author needs one line: `from services.strategy import Strategy`."""

from services.strategy.author import Bounds, Strategy

__all__ = ["Bounds", "Strategy"]
