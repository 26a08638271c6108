"""Other engines, measured beside ours; each runs in an environment of its own (see `table`)."""
