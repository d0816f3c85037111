//! Sealing of records and backups.
