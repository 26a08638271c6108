"""What a service tells its operator: logs, metrics, traces (docs/observability.md)."""
