"""GraphQL: documents to one SQL statement for each root field, or to a function of the domain."""
