//! What a resource policy says: who else may do what with a backup.

use serde::Deserialize;
use serde_json::Value;

use crate::{AccountId, ApiError};

/// What the estate asks of a policy.
pub(super) enum Deed {
    /// To see the backup.
    Describe,
    /// To make a cluster of it.
    Restore,
}

/// A policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Policy {
    #[serde(default, rename = "Version")]
    _version: Option<String>,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: OneOrMore<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: String,
    principal: Value,
    action: OneOrMore<String>,
    #[serde(default)]
    resource: Option<OneOrMore<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn all(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

impl Deed {
    /// The actions that allow it. The service's guide and its API disagree on what making a cluster is called.
    fn actions(&self) -> &'static [&'static str] {
        match self {
            Self::Describe => &["cloudhsm:describebackups"],
            Self::Restore => &["cloudhsm:createcluster", "cloudhsm:restorebackup"],
        }
    }
}

impl Policy {
    /// Reads a policy, which may allow things to accounts and do nothing else.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let policy: Self = serde_json::from_str(text)
            .map_err(|error| ApiError::invalid(format!("the policy can't be read: {error}")))?;
        if policy.statement.all().is_empty() {
            return Err(ApiError::invalid("the policy has no Statement: it would allow nothing"));
        }
        for statement in policy.statement.all() {
            statement.check()?;
        }
        Ok(policy)
    }

    /// Whether it lets an account do something with the resource of this ARN.
    pub(super) fn allows(&self, account: &AccountId, deed: &Deed, arn: &str) -> bool {
        self.statement.all().iter().any(|statement| {
            statement.is_of(arn)
                && statement.principals().iter().any(|principal| principal.includes(account))
                && statement.action.all().iter().any(|pattern| {
                    deed.actions().iter().any(|action| matches(&pattern.to_ascii_lowercase(), action))
                })
        })
    }
}

impl Statement {
    fn check(&self) -> Result<(), ApiError> {
        if self.effect != "Allow" {
            return Err(ApiError::invalid(format!(
                "the policy has Effect {:?}: only Allow is possible here",
                self.effect
            )));
        }
        if self.principals().is_empty() {
            return Err(ApiError::invalid(
                "the policy's Principal must name accounts: \"*\", or {\"AWS\": ...} with numbers of accounts or ARNs of IAM",
            ));
        }
        let foreign = self.action.all().iter().find(|action| {
            let action = action.to_ascii_lowercase();
            action != "*" && !action.starts_with("cloudhsm:")
        });
        if let Some(action) = foreign {
            return Err(ApiError::invalid(format!(
                "the policy's Action {action:?} isn't one of CloudHSM's, such as cloudhsm:DescribeBackups"
            )));
        }
        if self.action.all().is_empty() {
            return Err(ApiError::invalid("the policy's Action is empty: name what it allows"));
        }
        Ok(())
    }

    /// Whom it's for; none if there is one that makes no sense.
    fn principals(&self) -> Vec<Principal> {
        let texts = match &self.principal {
            Value::Object(kinds) if kinds.len() == 1 => match kinds.get("AWS") {
                Some(Value::Array(texts)) => texts.iter().collect(),
                Some(text) => vec![text],
                None => Vec::new(),
            },
            text @ Value::String(_) if text == "*" => vec![text],
            _ => Vec::new(),
        };
        let all: Option<Vec<_>> = texts.iter().map(|text| Principal::read(text.as_str()?)).collect();
        all.unwrap_or_default()
    }

    fn is_of(&self, arn: &str) -> bool {
        self.resource
            .as_ref()
            .is_none_or(|resource| resource.all().iter().any(|pattern| matches(pattern, arn)))
    }
}

enum Principal {
    All,
    Account(AccountId),
}

impl Principal {
    /// `*`, an account's number, or an ARN of something in an account: who calls isn't known more closely than that.
    fn read(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let account = match text.split(':').collect::<Vec<_>>()[..] {
            [account] => account,
            ["arn", _, "iam" | "sts", "", account, _] => account,
            _ => return None,
        };
        account.parse().ok().map(Self::Account)
    }

    fn includes(&self, account: &AccountId) -> bool {
        match self {
            Self::All => true,
            Self::Account(one) => one == account,
        }
    }
}

/// Whether a text fits a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:cloudhsm:us-east-1:111111111111:backup/backup-abcdefg2345";

    fn allows(policy: &str, deed: &Deed) -> bool {
        Policy::read(policy).unwrap().allows(&"222222222222".parse().unwrap(), deed, ARN)
    }

    #[test]
    fn whom_and_what_a_policy_allows() {
        let policy = |principal: &str, action: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":{action}}}]}}"#
            )
        };
        for principal in [
            r#""*""#,
            r#"{"AWS":"222222222222"}"#,
            r#"{"AWS":["333333333333","arn:aws:iam::222222222222:root"]}"#,
            r#"{"AWS":"arn:aws:iam::222222222222:user/ann"}"#,
        ] {
            let policy = policy(principal, r#"["cloudhsm:DescribeBackups"]"#);
            assert!(allows(&policy, &Deed::Describe) && !allows(&policy, &Deed::Restore), "{policy}");
        }
        for action in [r#""*""#, r#""cloudhsm:*""#, r#""CloudHSM:CreateCluster""#, r#"["cloudhsm:Restore*"]"#]
        {
            let policy = policy(r#""*""#, action);
            assert!(allows(&policy, &Deed::Restore), "{policy}");
        }
        assert!(!allows(&policy(r#"{"AWS":"333333333333"}"#, r#""*""#), &Deed::Describe));
        let of = |resource: &str| {
            format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"{resource}"}}}}"#
            )
        };
        assert!(allows(&of(ARN), &Deed::Describe) && allows(&of("arn:aws:*:backup/*2345"), &Deed::Describe));
        assert!(!allows(&of("arn:aws:cloudhsm:us-east-1:111111111111:backup/other"), &Deed::Describe));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for (policy, why) in [
            ("", "can't be read"),
            ("{}", "can't be read"),
            (r#"{"Statement":[]}"#, "no Statement"),
            (r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*"}}"#, "only Allow"),
            (r#"{"Statement":{"Effect":"Allow","Principal":"222222222222","Action":"*"}}"#, "Principal"),
            (r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"me"},"Action":"*"}}"#, "Principal"),
            (r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"x"},"Action":"*"}}"#, "Principal"),
            (r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}"#, "CloudHSM's"),
            (r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":[]}}"#, "empty"),
            (
                r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Condition":{}}}"#,
                "can't be read",
            ),
        ] {
            let error = Policy::read(policy).unwrap_err();
            assert!(error.message.contains(why), "{policy}: {error}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, fits) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "ab", false),
            ("a*b*c", "a-b-b-c", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
