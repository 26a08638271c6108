"""The data service's pure rules."""
