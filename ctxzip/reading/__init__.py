"""Files, streams and records -> requests."""
