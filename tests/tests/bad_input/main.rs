//! What callers get wrong: pointers, lengths, counts, handles, order, templates, parameters. The standard's codes,
//! never a crash, and no more memory than before.

mod absurd;
mod finding;
mod initialize;
mod logins;
mod lookups;
mod objects;
mod operations;
mod parameters;
mod pointers;
mod random;
mod slots;
mod table;
