"""Tests: unit mirrors the source; the rest says by its folder what it needs."""
