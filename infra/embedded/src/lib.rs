//! The store of the single binary: one file, written by one thread, with one fsync for all commits that wait.
//!
//! Reads go straight to the file. Commits are handed to the writer, which takes all that wait, looks at the condition
//! of each in turn, applies the winners in one transaction and answers when that is durable. Nothing here lingers or
//! polls: while one group is written, the next one gathers, and an idle store sleeps.
//!
//! Never here: what a record means. That is the table map's, in `stepless-core`.

mod database;
mod layout;
mod page;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use database::OpenError;
pub use store::EmbeddedStore;
