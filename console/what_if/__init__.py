"""`tapedeck what-if` and `parity`: the recorded market data once more, and what it comes to."""
