//! Where committed state lives: the Store trait and its sled implementation.
