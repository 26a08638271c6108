"""Small recorded tapes: what the desk decided, kept; today's code must decide the same."""
