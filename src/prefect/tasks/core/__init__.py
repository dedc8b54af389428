"""Tasks that flows are built from: functions, constants, collections, operators, resources."""
