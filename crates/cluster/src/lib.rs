//! A cluster: committed changes and the replicas they reach.
