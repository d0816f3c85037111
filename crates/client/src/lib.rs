//! Connections to the nodes of a cluster: choice of node, failover, login.
