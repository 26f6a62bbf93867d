//! Tests of the registry and of what it publishes.
