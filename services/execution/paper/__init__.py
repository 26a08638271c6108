"""The paper broker: a pure actor that answers orders from market data."""
