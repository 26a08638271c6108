"""Configuration: one file, profiles, environment; checked at start, frozen afterwards."""
