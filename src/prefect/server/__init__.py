"""The server: GraphQL API, orchestration, services and web UI in one process.

Layers, each importing only those below it:

    app, http          requests and responses
    graphql            documents to SQL and to domain functions
    domain             what may happen to flows, runs, tenants, ... as functions over a transaction
    loops              the same domain, driven by time: scheduler, reaper, retention
    security, events   who is asking; who wants to know
    database           tables, SQLite and PostgreSQL
"""
