//! What an estate allows, and how long its states take.

use serde::Deserialize;

use crate::ApiError;
use crate::shapes::Region;

/// HSMs that a cluster may have at most; not adjustable on AWS either (cloudhsm.md 1.4).
pub(super) const MAX_HSMS_OF_CLUSTER: usize = 28;

/// What an estate allows, and how long its states take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EstateConfig {
    /// How long each state takes that passes by itself, such as `CREATE_IN_PROGRESS`, in seconds. With 0 it's over at the next
    /// call.
    pub transition_delay_seconds: u32,
    /// HSMs that an account may have in a region.
    pub hsms_per_account: u32,
    /// Clusters that an account may have in a region.
    pub clusters_per_account: u32,
    /// The exception that says that an account has as many as it may have.
    pub limit_error: LimitError,
    /// The regions that there are; with none, all that the API's model allows.
    pub regions: Vec<Region>,
}

/// The exception that says that an account has as many as it may have. The model has none for it (control-plane.md 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitError {
    /// `CloudHsmInvalidRequestException`.
    #[default]
    InvalidRequest,
    /// `CloudHsmServiceException`.
    Service,
    /// `CloudHsmResourceLimitExceededException`, which the model has for tags only.
    ResourceLimitExceeded,
}

impl Default for EstateConfig {
    /// As AWS has it (cloudhsm.md 1.4), but at once.
    fn default() -> Self {
        Self {
            transition_delay_seconds: 0,
            hsms_per_account: 6,
            clusters_per_account: 4,
            limit_error: LimitError::default(),
            regions: Vec::new(),
        }
    }
}

impl EstateConfig {
    pub(super) fn check_region(&self, region: &Region) -> Result<(), ApiError> {
        if self.regions.is_empty() || self.regions.contains(region) {
            return Ok(());
        }
        let known: Vec<_> = self.regions.iter().map(Region::as_str).collect();
        Err(ApiError::invalid(format!("there is no region {region} here; there is {}", known.join(", "))))
    }

    /// An account would have more than it may.
    pub(super) fn limit(&self, what: &str, most: u32) -> ApiError {
        let sentence = format!(
            "the account has {most} {what} in this region, which is the most it may have; delete one, or raise the limit in the \
             server's configuration, section [aws]"
        );
        match self.limit_error {
            LimitError::InvalidRequest => ApiError::invalid(sentence),
            LimitError::Service => ApiError::service(sentence),
            LimitError::ResourceLimitExceeded => ApiError::limit(sentence),
        }
    }
}
