//! A throw-away cluster for a test, in a few lines.
