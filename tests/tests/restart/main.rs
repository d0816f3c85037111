//! Daemons that end, die, stop and come back under running clients: login and token handles go on, session keys
//! are gone and say so, nothing is ever wrong (clients.md, trap 20).

mod absent;
mod frozen;
mod running;
mod streams;
