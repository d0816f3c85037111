//! Operations against real nodes in memory.

mod ciphering;
mod refusals;
mod signing;
mod world;

use strongroom_model::{Handle, Result, ReturnCode};

use super::{After, Nodes, Running, step};
use crate::abi::Out;
use crate::params::Parsed;
use world::{Buffer, World};

/// One operation and what it runs on.
struct Run<'a, T> {
    world: &'a World,
    slot: Option<T>,
}

impl<'a, T: Running> Run<'a, T> {
    fn new(world: &'a World, operation: T) -> Self {
        Self { world, slot: Some(operation) }
    }

    fn step(&mut self, call: impl FnOnce(&mut T, &dyn Nodes) -> Result<After>) -> Result<()> {
        step(&mut self.slot, self.world, |running| call(running, self.world))
    }

    /// Asks for the length, offers a byte less, then just enough; returns the result. Shows that
    /// neither question nor refusal ends the operation, and that the length is the right one.
    fn whole(&mut self, call: impl Fn(&mut T, &dyn Nodes, &Out) -> Result<After>) -> Vec<u8> {
        let mut question = Buffer::question();
        self.step(|running, nodes| call(running, nodes, &question.out())).unwrap();
        let mut small = Buffer::of(question.len().saturating_sub(1));
        let mut enough = question.len();
        if question.len() > 0 {
            match self.step(|running, nodes| call(running, nodes, &small.out())) {
                Err(error) => {
                    assert_eq!(error.code, ReturnCode::BUFFER_TOO_SMALL);
                    enough = small.len();
                }
                // The length was the longest there could be.
                Ok(()) => return small.content().to_vec(),
            }
        }
        let mut buffer = Buffer::of(enough);
        self.step(|running, nodes| call(running, nodes, &buffer.out())).unwrap();
        buffer.content().to_vec()
    }

    fn is_over(&self) -> bool {
        self.slot.is_none()
    }
}

fn code<T>(result: Result<T>) -> ReturnCode {
    result.err().map_or(ReturnCode::OK, |error| error.code)
}

/// An `Init` that is expected to succeed.
fn start<T>(
    new: impl FnOnce(&dyn Nodes, Parsed, Handle) -> Result<T>,
    world: &World,
    parsed: Parsed,
    key: Handle,
) -> T {
    new(world, parsed, key).unwrap()
}
