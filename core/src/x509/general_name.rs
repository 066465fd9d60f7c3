//! GeneralName.
