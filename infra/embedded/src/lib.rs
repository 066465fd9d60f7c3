//! infra/embedded
