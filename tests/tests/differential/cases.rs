//! The list of cases: each has a name, a world, and the requests it sends.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    session::{Session, Stop},
    world::WorldKind,
};

/// What a case does to one server. It runs once against each, so it takes everything new from the session.
pub(crate) type Steps = Box<dyn Fn(&mut Session<'_>) -> Result<(), Stop> + Sync>;

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) steps: Steps,
}

/// All cases, in the order they run.
#[derive(Default)]
pub(crate) struct Cases {
    worlds: BTreeMap<WorldKind, Vec<Case>>,
    names: BTreeSet<String>,
}

impl Cases {
    /// A case in the main world.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        steps: impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync + 'static,
    ) {
        self.add_in(WorldKind::Main, name, steps);
    }

    /// A case in a world of its own kind.
    pub(crate) fn add_in(
        &mut self,
        world: WorldKind,
        name: impl Into<String>,
        steps: impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync + 'static,
    ) {
        let name = name.into();
        assert!(self.names.insert(name.clone()), "two cases are named {name}");
        self.worlds.entry(world).or_default().push(Case { name, steps: Box::new(steps) });
    }

    /// The cases of each world.
    pub(crate) fn by_world(self) -> BTreeMap<WorldKind, Vec<Case>> {
        self.worlds
    }
}
