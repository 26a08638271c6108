"""Real servers as children of the desk: no Docker, no root, nothing installed by hand.

`EmbeddedNats` and `EmbeddedPostgres` run the servers that come as Python wheels (or that the
environment names) on 127.0.0.1, with a store inside the desk's state directory. They end with
their parent, and a store is held by one desk at a time.
"""
