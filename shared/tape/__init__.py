"""The tape: one sequence of messages, on JetStream or in memory, behind one interface."""
