//! What the clients of the state machine do, at random.

use proptest::prelude::*;
use proptest::sample::select;

use crate::fault::Fault;

/// What a client does, or what happens around it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Register,
    ChangeKey,
    EndAccount,
    /// For the names of this mask.
    Order(u8),
    /// Shows the right answer, or another one, for an authorization.
    Show(usize, usize, bool),
    Respond(usize, usize),
    /// Shows the right answers for all of an order, and says so.
    Prove(usize),
    Look(usize),
    LookAtAuthorization(usize, usize),
    GiveUp(usize, usize),
    Finalize(usize, bool),
    /// Asks for what is another client's.
    Trespass(usize),
    Deliver(usize, bool),
    Lose(usize),
    Wait(i64),
    /// Sends a request once more as it was.
    Replay(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) client: usize,
    pub(super) process: usize,
    pub(super) fault: Option<(usize, Fault)>,
    pub(super) action: Action,
}

fn action() -> impl Strategy<Value = Action> {
    // Mostly the newest.
    let place = || prop_oneof![3 => Just(0_usize), 1 => 0..3_usize];
    prop_oneof![
        2 => Just(Action::Register),
        1 => Just(Action::ChangeKey),
        1 => prop::bool::weighted(0.3).prop_map(|end| if end { Action::EndAccount } else { Action::Register }),
        4 => (1..8_u8).prop_map(Action::Order),
        8 => (place(), place(), prop::bool::weighted(0.9)).prop_map(|(o, a, r)| Action::Show(o, a, r)),
        8 => (place(), place()).prop_map(|(order, authorization)| Action::Respond(order, authorization)),
        6 => place().prop_map(Action::Prove),
        3 => place().prop_map(Action::Look),
        3 => (place(), place()).prop_map(|(order, one)| Action::LookAtAuthorization(order, one)),
        1 => (place(), place()).prop_map(|(order, one)| Action::GiveUp(order, one)),
        8 => (place(), any::<bool>()).prop_map(|(order, other)| Action::Finalize(order, other)),
        1 => place().prop_map(Action::Trespass),
        3 => (0..4_usize, any::<bool>()).prop_map(|(task, twice)| Action::Deliver(task, twice)),
        1 => (0..4_usize).prop_map(Action::Lose),
        3 => select(vec![1, 8, 16, 31, 600, 4000]).prop_map(Action::Wait),
        2 => (0..8_usize).prop_map(Action::Replay),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let fault = prop::option::weighted(0.15, (1..6_usize, select(Fault::ALL.to_vec())));
    (0..2_usize, 0..2_usize, fault, action()).prop_map(|(client, process, fault, action)| Step {
        client,
        process,
        fault,
        action,
    })
}

impl Action {
    /// Whether it makes sense before there is an account.
    pub(super) fn needs_no_account(self) -> bool {
        matches!(self, Self::Register | Self::Deliver(..) | Self::Lose(_) | Self::Wait(_) | Self::Replay(_))
    }
}
