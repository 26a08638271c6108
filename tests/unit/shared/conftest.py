"""Hypothesis judges results here, never times: a busy machine is not a counterexample."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
