//! What goes wrong, and with which calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::watch;

/// A call that arrived at the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What `X-Amz-Target` says behind its dot, such as `GetItem`; method and path of a call without it.
    pub operation: String,
    /// The request's body.
    pub body: Bytes,
}

impl Call {
    /// The request's body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One thing that goes wrong.
#[derive(Clone)]
pub struct Rule {
    /// The operation it speaks of; `None` for all.
    pub operation: Option<String>,
    /// Of the calls it speaks of, those that it strikes.
    pub when: When,
    /// What goes wrong.
    pub fault: Fault,
    only_if: Option<Predicate>,
}

type Predicate = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

impl Rule {
    /// Strikes `when` of the calls of `operation`.
    pub fn new(operation: &str, when: When, fault: Fault) -> Self {
        Self { operation: Some(operation.to_owned()), when, fault, only_if: None }
    }

    /// Strikes the first call of `operation` from now on.
    pub fn first(operation: &str, fault: Fault) -> Self {
        Self::new(operation, When::Nth(1), fault)
    }

    /// Strikes every call of `operation`.
    pub fn every(operation: &str, fault: Fault) -> Self {
        Self::new(operation, When::Every, fault)
    }

    /// Strikes `when` of all calls.
    pub fn of_any(when: When, fault: Fault) -> Self {
        Self { operation: None, when, fault, only_if: None }
    }

    /// Speaks only of calls that `predicate` holds of, such as those that do not ask for a consistent read.
    #[must_use]
    pub fn only_if(self, predicate: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        Self { only_if: Some(Arc::new(predicate)), ..self }
    }

    pub(super) fn speaks_of(&self, call: &Call) -> bool {
        self.operation.as_ref().is_none_or(|operation| *operation == call.operation)
            && self.only_if.as_ref().is_none_or(|predicate| predicate(call))
    }

    pub(super) fn strikes(&self, nth: usize) -> bool {
        match self.when {
            When::Nth(n) => nth == n,
            When::First(calls) => nth <= calls,
            When::Every => true,
            When::Percent(percent) => {
                let struck = |calls: usize| calls.saturating_mul(percent.into()) / 100;
                struck(nth) > struck(nth.saturating_sub(1))
            }
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("operation", &self.operation)
            .field("when", &self.when)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// Which of the calls that a rule speaks of it strikes. Calls count from 1, from when the rule was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The n-th.
    Nth(usize),
    /// So many, beginning with the first.
    First(usize),
    /// All.
    Every,
    /// So many of a hundred, spread evenly; no chance is involved.
    Percent(u8),
}

/// What goes wrong with a call.
#[derive(Clone)]
pub enum Fault {
    /// It never reaches the emulator, which seems to answer with this error.
    Answer(AwsError),
    /// It is applied, and the answer is this error.
    AnswerAfter(AwsError),
    /// It never reaches the emulator, and the connection ends without an answer.
    DropBefore,
    /// It is applied, and the connection ends without an answer.
    DropAfter,
    /// It reaches the emulator late.
    DelayBefore(Duration),
    /// It is applied at once and answered late.
    DelayAfter(Duration),
    /// It reaches the emulator when the gate opens, even if the client has gone by then.
    HoldBefore(Gate),
    /// It is applied at once and answered when the gate opens.
    HoldAfter(Gate),
    /// Its body becomes what this function makes of it before it reaches the emulator.
    Rewrite(Arc<dyn Fn(&Bytes) -> Bytes + Send + Sync>),
    /// It is applied, and the body of the answer becomes what this function makes of it.
    Replace(Arc<dyn Fn(&Bytes) -> Bytes + Send + Sync>),
    /// It is answered as the very same request was answered the time before, if there was one: a read of what stood
    /// there one version earlier.
    Stale,
}

impl Fault {
    /// [`Fault::Rewrite`] of JSON.
    pub fn rewrite_json(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Rewrite(Arc::new(move |body| changed(body, &change)))
    }

    /// [`Fault::Replace`] of JSON.
    pub fn replace_json(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Replace(Arc::new(move |body| changed(body, &change)))
    }
}

fn changed(body: &Bytes, change: impl Fn(&mut Value)) -> Bytes {
    let mut json = serde_json::from_slice(body).unwrap_or_default();
    change(&mut json);
    Bytes::from(json.to_string())
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(error) => f.debug_tuple("Answer").field(error).finish(),
            Self::AnswerAfter(error) => f.debug_tuple("AnswerAfter").field(error).finish(),
            Self::DropBefore => f.write_str("DropBefore"),
            Self::DropAfter => f.write_str("DropAfter"),
            Self::DelayBefore(delay) => f.debug_tuple("DelayBefore").field(delay).finish(),
            Self::DelayAfter(delay) => f.debug_tuple("DelayAfter").field(delay).finish(),
            Self::HoldBefore(_) => f.write_str("HoldBefore(..)"),
            Self::HoldAfter(_) => f.write_str("HoldAfter(..)"),
            Self::Rewrite(_) => f.write_str("Rewrite(..)"),
            Self::Replace(_) => f.write_str("Replace(..)"),
            Self::Stale => f.write_str("Stale"),
        }
    }
}

/// An error as the JSON APIs of AWS write it.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsError {
    /// The HTTP status: 400 for almost all of them.
    pub status: u16,
    /// The name of the error, such as `ThrottlingException`.
    pub kind: String,
    /// The message.
    pub message: String,
    /// Further members of the body, such as `CancellationReasons`; an object.
    pub details: Value,
}

impl AwsError {
    /// An error without details.
    pub fn new(status: u16, kind: &str) -> Self {
        let message = format!("{kind}, made up by a test");
        Self { status, kind: kind.to_owned(), message, details: Value::Null }
    }

    /// A cancelled transaction of DynamoDB with these reasons, one a write, `None` for those that were fine.
    pub fn transaction_canceled(codes: &[&str]) -> Self {
        let reasons: Vec<Value> = codes.iter().map(|code| serde_json::json!({ "Code": code })).collect();
        let details = serde_json::json!({ "CancellationReasons": reasons });
        Self { details, ..Self::new(400, "TransactionCanceledException") }
    }

    pub(super) fn body(&self) -> Bytes {
        let mut body = serde_json::Map::new();
        if let Value::Object(details) = &self.details {
            body.extend(details.clone());
        }
        body.insert("__type".to_owned(), format!("com.amazonaws.made.up#{}", self.kind).into());
        // DynamoDB writes it small, and large in a cancelled transaction.
        body.insert("message".to_owned(), self.message.clone().into());
        body.insert("Message".to_owned(), self.message.clone().into());
        Bytes::from(Value::Object(body).to_string())
    }
}

/// Holds calls until it opens. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<GateState>>);

#[derive(Clone, Copy, Debug, Default)]
struct GateState {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(GateState::default())))
    }

    /// Lets all calls pass, those that are held and those that come.
    pub fn open(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Waits until so many calls have come to the gate.
    pub async fn arrived(&self, calls: usize) {
        self.wait(|state| state.arrived >= calls).await;
    }

    pub(super) async fn pass(&self) {
        self.0.send_modify(|state| state.arrived += 1);
        self.wait(|state| state.open).await;
    }

    async fn wait(&self, until: impl FnMut(&GateState) -> bool) {
        // The sender is this gate itself, so it is there.
        let _ = self.0.subscribe().wait_for(until).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::closed()
    }
}
