//! Policies: who else may use a backup.

use serde::{Deserialize, Serialize};

use super::{ResourceArn, ResourcePolicy};

/// Whose policy, and what it says.
///
/// The model requires neither member; a call can't mean anything without them, so they are required here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutResourcePolicyInput {
    /// Whose.
    pub resource_arn: ResourceArn,
    /// What it says, in JSON; that it is JSON isn't checked by the front.
    pub policy: ResourcePolicy,
}

/// The policy there is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutResourcePolicyOutput {
    /// Whose.
    pub resource_arn: ResourceArn,
    /// What it says.
    pub policy: ResourcePolicy,
}

/// Whose policy to tell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetResourcePolicyInput {
    /// Whose.
    pub resource_arn: ResourceArn,
}

/// The policy there is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetResourcePolicyOutput {
    /// What it says; absent when there's none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ResourcePolicy>,
}

/// Whose policy to take away.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteResourcePolicyInput {
    /// Whose.
    pub resource_arn: ResourceArn,
}

/// The policy there was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteResourcePolicyOutput {
    /// Whose.
    pub resource_arn: ResourceArn,
    /// What it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ResourcePolicy>,
}
