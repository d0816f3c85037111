//! The daemon: listeners, homes and their clusters.
