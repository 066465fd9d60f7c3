//! Conditions and updates, as DynamoDB's expressions say them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use stepless_core::clock::Timestamp;
use stepless_core::store::{Condition, IndexEntry};

use super::item;
use super::layout::{self, COMMIT, EXPIRES, EXPIRES_EXACT, INDEXES, PARTITION, VALUE, VERSION};

/// An expression with the names and values it uses. DynamoDB refuses those it does not use.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expression {
    /// What an update does.
    pub(crate) update: Option<String>,
    /// What must hold.
    pub(crate) condition: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// What a put that must hold of nothing or of anything takes for granted. An update can either begin a version at 1 or
/// add to the one before, so a put over an expired record is another request than a put over nothing or a live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// There is no expired record.
    Fresh,
    /// There is an expired record, or none.
    Expired,
}

impl Ground {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Fresh => Self::Expired,
            Self::Expired => Self::Fresh,
        }
    }
}

/// What a put writes.
pub(crate) struct Put<'a> {
    /// The record's value.
    pub(crate) value: &'a [u8],
    /// Its expiry.
    pub(crate) expires: Option<Timestamp>,
    /// Its places.
    pub(crate) indexes: &'a [IndexEntry],
    /// The id of the commit.
    pub(crate) commit: &'a str,
}

impl Expression {
    /// A delete under `condition`; no condition at all under [`Condition::Any`].
    pub(crate) fn of_condition(condition: Condition, now: Timestamp) -> Self {
        let mut expression = Self::default();
        expression.condition = expression.holds(condition, now);
        expression
    }

    /// A check: DynamoDB asks for a condition even where there is none.
    pub(crate) fn of_check(condition: Condition, now: Timestamp) -> Self {
        let mut expression = Self::of_condition(condition, now);
        if expression.condition.is_none() {
            let pk = expression.name(PARTITION);
            expression.condition = Some(format!("attribute_exists({pk}) OR attribute_not_exists({pk})"));
        }
        expression
    }

    /// A put under `condition`. `ground` only matters under [`Condition::Any`].
    pub(crate) fn of_put(put: &Put<'_>, condition: Condition, ground: Ground, now: Timestamp) -> Self {
        let mut expression = Self::default();
        let version = expression.name(VERSION);
        let next = match (condition, ground) {
            (Condition::Absent, _) | (Condition::Any, Ground::Expired) => {
                expression.value("one", item::number(1u64))
            }
            (Condition::Version(before), _) => expression.value("next", item::number(i128::from(before) + 1)),
            (Condition::Present, _) => {
                let one = expression.value("one", item::number(1u64));
                format!("{version} + {one}")
            }
            (Condition::Any, Ground::Fresh) => {
                let one = expression.value("one", item::number(1u64));
                let zero = expression.value("zero", item::number(0u64));
                format!("if_not_exists({version}, {zero}) + {one}")
            }
        };
        let mut set = vec![format!("{version} = {next}")];
        let mut remove = Vec::new();
        let assignments = [
            (VALUE, Some(item::value(put.value.to_vec()))),
            (COMMIT, Some(AttributeValue::S(put.commit.to_owned()))),
            (EXPIRES, put.expires.map(item::time_to_live)),
            (EXPIRES_EXACT, put.expires.map(item::exact)),
        ];
        for (attribute, value) in assignments.into_iter().chain(places(put.indexes)) {
            let name = expression.name(attribute);
            match value {
                Some(value) => set.push(format!("{name} = {}", expression.value(attribute, value))),
                None => remove.push(name),
            }
        }
        expression.update = Some(if remove.is_empty() {
            format!("SET {}", set.join(", "))
        } else {
            format!("SET {} REMOVE {}", set.join(", "), remove.join(", "))
        });

        let holds = match (condition, ground) {
            (Condition::Any, Ground::Fresh) => {
                let (pk, alive) = (expression.name(PARTITION), expression.alive(now));
                Some(format!("attribute_not_exists({pk}) OR {alive}"))
            }
            (Condition::Any, Ground::Expired) => expression.holds(Condition::Absent, now),
            (condition, _) => expression.holds(condition, now),
        };
        // An attempt that comes after one whose answer was lost must not put a second time.
        let (name, value) = (expression.name(COMMIT), format!(":{COMMIT}"));
        let first = format!("(attribute_not_exists({name}) OR {name} <> {value})");
        expression.condition = Some(match holds {
            Some(holds) => format!("({holds}) AND {first}"),
            None => first,
        });
        expression
    }

    /// The names it uses, as the SDK takes them.
    pub(crate) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    /// The values it uses, as the SDK takes them.
    pub(crate) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    fn holds(&mut self, condition: Condition, now: Timestamp) -> Option<String> {
        match condition {
            Condition::Any => None,
            Condition::Absent => {
                let (pk, expires) = (self.name(PARTITION), self.name(EXPIRES_EXACT));
                let now = self.value("now", item::exact(now));
                Some(format!("attribute_not_exists({pk}) OR {expires} <= {now}"))
            }
            Condition::Present => {
                let (pk, alive) = (self.name(PARTITION), self.alive(now));
                Some(format!("attribute_exists({pk}) AND {alive}"))
            }
            Condition::Version(wanted) => {
                let (version, alive) = (self.name(VERSION), self.alive(now));
                let wanted = self.value("wanted", item::number(wanted));
                Some(format!("{version} = {wanted} AND {alive}"))
            }
        }
    }

    /// Of an item that is there: it has not expired.
    fn alive(&mut self, now: Timestamp) -> String {
        let expires = self.name(EXPIRES_EXACT);
        let now = self.value("now", item::exact(now));
        format!("(attribute_not_exists({expires}) OR {expires} > {now})")
    }

    /// A stand-in for the name of an attribute: `value` and `commit` are words of the language.
    pub(crate) fn name(&mut self, attribute: &str) -> String {
        let name = format!("#{attribute}");
        self.names.insert(name.clone(), attribute.to_owned());
        name
    }

    /// A stand-in for a value.
    pub(crate) fn value(&mut self, name: &str, value: AttributeValue) -> String {
        let name = format!(":{name}");
        self.values.insert(name.clone(), value);
        name
    }
}

/// All attributes of places, and what a record with these `entries` has there.
fn places(entries: &[IndexEntry]) -> impl Iterator<Item = (&'static str, Option<AttributeValue>)> {
    INDEXES.into_iter().flat_map(|layout| {
        let entry = entries.iter().find(|entry| layout::of(entry.index) == layout);
        let value =
            |text: fn(&IndexEntry) -> &String| entry.map(|entry| AttributeValue::S(text(entry).clone()));
        [
            (layout.partition, value(|entry| &entry.key.partition)),
            (layout.sort, value(|entry| &entry.key.sort)),
        ]
    })
}
