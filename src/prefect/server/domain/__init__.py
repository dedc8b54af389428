"""What may happen to tenants, flows, runs and the rest: functions over a transaction.

The functions know neither HTTP nor GraphQL. Those that the API offers are registered
(`registry`), and the schema is made from the registry: one definition of name, input, output and
of the role that is needed.
"""
