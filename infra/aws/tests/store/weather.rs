//! Bad weather.
