"""What every service speaks: messages, subjects, the tape, the runtime, configuration."""
