"""Tables, and the stores that keep them: SQLite and PostgreSQL through one interface."""
