"""Pages and endpoints for people. Reads Postgres, never writes rows."""
