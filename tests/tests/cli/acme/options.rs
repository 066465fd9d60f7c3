//! What an operator can set for ACME, as clients meet it.
