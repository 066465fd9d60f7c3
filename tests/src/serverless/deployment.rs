//! The functions of the template, deployed for one authority.

use std::net::SocketAddr;

use serde_json::Value;

use super::Table;
use crate::CaFolder;

/// How functions are deployed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Variables in the environment of every function.
    pub environment: Vec<(String, String)>,
    /// Most processes of one function at a time.
    pub concurrency: usize,
    /// Events are handed to functions by [`Deployment::invoke`] alone: nothing comes through the gateway.
    pub invoked_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { environment: Vec::new(), concurrency: 50, invoked_only: false }
    }
}

pub struct Deployment {
    table: Table,
}

#[allow(unused_variables)]
impl Deployment {
    pub fn of_stepless_init(options: &Options) -> (Self, CaFolder) { todo!() }
    pub fn of_folder(folder: &CaFolder, options: &Options) -> Self { todo!() }
    pub fn url(&self) -> String { todo!() }
    pub fn address(&self) -> SocketAddr { todo!() }
    pub fn log(&self) -> String { todo!() }
    pub fn table(&self) -> &Table { &self.table }
    pub fn restart(&mut self) {}
    pub fn kill_functions(&self) {}
    pub fn stop_functions(&self) -> Asleep { todo!() }
    pub fn processes(&self, function: &str) -> Vec<u32> { todo!() }
    pub fn invoke(&self, function: &str, event: &Value) -> Value { todo!() }
}

pub struct Asleep(Vec<u32>);
impl Asleep { pub fn wake(self) {} }
