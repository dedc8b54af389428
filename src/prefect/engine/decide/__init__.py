"""Decisions of the engine as pure functions: values in, values out, no input or output."""
