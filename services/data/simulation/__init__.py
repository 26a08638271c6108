"""The simulated market: a seeded source without end, believable enough to develop on.

Not a core: it draws random numbers and uses `exp`, so its prices are the same on every run of one
machine, and in practice everywhere (they are rounded to cents), but nothing relies on that: once
played they are facts on the tape.
"""
