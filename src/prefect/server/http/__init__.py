"""Requests and responses: the GraphQL endpoint, events, sessions, health and pages."""
