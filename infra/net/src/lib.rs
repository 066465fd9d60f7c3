//! infra/net
