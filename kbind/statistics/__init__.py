"""Second floor: checked tables in, small sufficient statistics out. The last place that sees single rows."""
