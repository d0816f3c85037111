//! One HSM: users, objects, attribute policy, sessions.
