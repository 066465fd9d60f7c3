//! The router as a client sees it, over an authority in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "this is a test")]

mod access_log;
mod acme;
mod acme_world;
mod bodies;
mod failures;
mod identity;
mod info;
mod isolation;
mod issue;
mod request_id;
mod routing;
mod world;
