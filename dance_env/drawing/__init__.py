"""Every picture of a design: `design` (a dashboard or a text card), `graph` (a layer graph), `mapping` (a mapping)."""
