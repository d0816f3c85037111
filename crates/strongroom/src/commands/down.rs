//! `strongroom down`.

use serde_json::json;

use crate::args::HomeOption;
use crate::daemon;
use crate::output::{Failure, Output};

/// Ends the daemon, if one runs.
pub(crate) fn run(option: &HomeOption) -> Result<Output, Failure> {
    let home = super::home(option);
    let was_running = daemon::end(&home)?;
    Ok(Output::Data(json!({"home": home.path(), "running": false, "was_running": was_running})))
}
