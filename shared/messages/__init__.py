"""The facts on the tape: frozen, tagged `msgspec` structs, JSON on the wire.

A message is pure content. Its identity, cause and time stand in the `Head` (see `envelope`),
which the runtime writes: a core never makes an id. Add fields with defaults; never rename or
reuse one. `codec` knows all of them.
"""
