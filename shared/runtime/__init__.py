"""The shell around the cores, written once: the loop, lockstep, service host, health."""
