//! Gateways against canned answers.
