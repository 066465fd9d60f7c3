//! The router as a client sees it, over an authority in memory.

mod access_log;
mod bodies;
mod failures;
mod identity;
mod info;
mod isolation;
mod issue;
mod request_id;
mod routing;
mod world;
