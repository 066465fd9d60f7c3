//! A provisioner's object in `/provisioners`: the members step-ca writes, in its order.

use std::fmt;

use serde::{Serialize, Serializer};

use super::super::node::Node;
use super::super::schema::{Field, Shape, Shown};
use super::Refusal;

/// The public object of one provisioner; it holds no secret and serializes as it stands.
#[derive(Clone)]
pub struct Listing(Node);

impl Listing {
    pub(super) fn new(provisioner: &Node, fields: &[Field], refusal: Option<&Refusal>) -> Self {
        let mut members = shown_members(provisioner, fields);
        if let Some(refusal) = refusal {
            members.push(("state".to_owned(), Node::Text("Uninitialized".to_owned())));
            members.push(("stateReason".to_owned(), Node::Text(refusal.reason.clone())));
        }
        Self(Node::Object(members))
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_value().fmt(f)
    }
}

fn shown_members(object: &Node, fields: &[Field]) -> Vec<(String, Node)> {
    fields
        .iter()
        .filter_map(|field| {
            let node = match (&field.shown, object.get(field.name)) {
                (Shown::IfSet, found) => shown(found.filter(|node| !is_go_zero(node))?, &field.shape),
                (Shown::IfPresent, found) => shown(found?, &field.shape),
                (Shown::Always(absent), found) => match found.filter(|node| !is_blank(node)) {
                    Some(node) => shown(node, &field.shape),
                    None => absent(),
                },
                (Shown::Redacted(placeholder), _) => Node::Text((*placeholder).to_owned()),
                (Shown::Never, _) => return None,
            };
            Some((field.name.to_owned(), node))
        })
        .collect()
}

fn shown(node: &Node, shape: &Shape) -> Node {
    match (shape, node) {
        (Shape::Object(fields), node) => Node::Object(shown_members(node, fields)),
        (Shape::List(element), Node::Array(nodes)) => {
            Node::Array(nodes.iter().map(|node| shown(node, element)).collect())
        }
        (Shape::PublicJwk, node) => Node::Object(shown_members(node, super::JWK)),
        (_, node) => node.clone(),
    }
}

/// What Go's `omitempty` leaves out.
fn is_go_zero(node: &Node) -> bool {
    !matches!(node, Node::Object(_)) && node.is_empty()
}

/// What step-ca replaces by its default before it lists a provisioner: nothing, the empty text, zero.
fn is_blank(node: &Node) -> bool {
    matches!(node, Node::Null | Node::Text(_) | Node::Number(_)) && node.is_empty()
}
