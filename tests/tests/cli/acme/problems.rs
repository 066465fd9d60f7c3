//! What clients make of it when something is wrong.
