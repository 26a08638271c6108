"""Values of the trading domain: plain, immutable, free of I/O."""
