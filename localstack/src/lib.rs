//! AWS on loopback: emulators of its services, and an API Gateway that runs the real Lambda binaries.
//!
//! For tests and for `localstack/up`. Everything that is started here listens on free loopback ports and ends with the
//! value that stands for it, or with this process, whichever comes first.

pub mod acm;
pub mod clock;
pub mod emulator;
pub mod gateway;
pub mod kms_double;
pub mod port;
pub mod proxy;
pub mod queue;
pub mod resources;
pub mod runtime;
pub mod stack;
pub mod template;

mod endpoint;
mod guard;
mod scratch;

pub use endpoint::{ACCESS_KEY_ID, CallError, Endpoint, ParseEndpointError, REGION, SECRET_ACCESS_KEY};
