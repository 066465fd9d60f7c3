//! Every key that `ca.json` may hold, and the pass that turns a document as written into one that follows it.
//!
//! Keys are matched as Go matches them, that is without regard to case; any other spelling than the right one is a
//! warning. `null` means absent, as it does to Go. A key that is not in the table is a warning and is left out, so
//! that nothing later can read what was not checked.

mod reading;
mod tables;

pub(super) use reading::read;
#[cfg(test)]
pub(super) use tables::CLAIMS;
pub(super) use tables::{CA, JWK, provisioner_fields};

use super::node::Node;

/// What may stand in one place.
pub(super) enum Shape {
    /// Any text.
    Text,
    /// A text that no message may repeat.
    Secret,
    /// One of these words, in any case; it stays as written, for `/provisioners` shows it so.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count,
    /// Any number.
    Decimal,
    /// A Go duration.
    Duration,
    /// Standard base64.
    Base64,
    /// An array.
    List(&'static Shape),
    /// One text, or an array of them.
    TextOrTexts,
    /// An object of these members.
    Object(&'static [Field]),
    /// An object whose members are the operator's own.
    Free,
    /// An object whose members have names of the operator's own, and this shape.
    Named(&'static Shape),
    /// A public key as a JWK.
    PublicJwk,
    /// A provisioner: an object whose members depend on its `type`.
    Provisioner,
}

/// One member of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) shown: Shown,
}

/// How a member of a provisioner appears in `/provisioners`.
pub(super) enum Shown {
    /// When it says something; Go's `omitempty`.
    IfSet,
    /// When it is there, even empty; Go's `omitempty` on a pointer.
    IfPresent,
    /// Always; this when it is absent.
    Always(fn() -> Node),
    /// Never; this stands in its place.
    Redacted(&'static str),
    /// Never, for `step` would not know it.
    Never,
}

/// A member that is shown when it says something.
const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, shown: Shown::IfSet }
}

/// A member that is shown when it is there.
const fn pointer(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, shown: Shown::IfPresent }
}

/// A member that is always shown.
const fn always(name: &'static str, shape: Shape, absent: fn() -> Node) -> Field {
    Field { name, shape, shown: Shown::Always(absent) }
}

/// A member that is never shown.
const fn redacted(name: &'static str, shape: Shape, placeholder: &'static str) -> Field {
    Field { name, shape, shown: Shown::Redacted(placeholder) }
}

/// A member of our own.
const fn hidden(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, shown: Shown::Never }
}
