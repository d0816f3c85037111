//! One file per command.

pub(crate) mod audit;
pub(crate) mod down;
pub(crate) mod fault;
pub(crate) mod key;
pub(crate) mod node;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod user;

use strongroom_server::{Home, default_home};

use crate::args::HomeOption;

/// The home that a command means.
pub(crate) fn home(option: &HomeOption) -> Home {
    Home::new(option.home.clone().unwrap_or_else(default_home))
}
