//! The model's constraints on texts: lengths and patterns, in one table.

use std::sync::OnceLock;

use regex::Regex;

/// What a text must be like.
pub(crate) struct Text {
    /// The shortest, in characters.
    min: usize,
    /// The longest, in characters.
    max: usize,
    /// The pattern that the whole text must match, as the model has it.
    pattern: Option<&'static str>,
    /// What that is, for people.
    like: &'static str,
    compiled: OnceLock<Regex>,
}

/// No text in a request is longer than this, in characters; what has no limit in the model has this one.
const MAX_TEXT: usize = 20_000;

impl Text {
    const fn new(min: usize, max: usize, pattern: Option<&'static str>, like: &'static str) -> Self {
        Self { min, max, pattern, like, compiled: OnceLock::new() }
    }

    const fn like(pattern: &'static str, like: &'static str) -> Self {
        Self::new(0, MAX_TEXT, Some(pattern), like)
    }

    /// What is wrong with a text, to be read after it: "must be ...".
    pub(crate) fn fault(&self, text: &str) -> Option<String> {
        let length = text.chars().count();
        if length < self.min {
            return Some(format!("must have at least {} characters, but has {length}", self.min));
        }
        if length > self.max {
            return Some(format!("must have at most {} characters, but has {length}", self.max));
        }
        let pattern = self.pattern?;
        // The patterns are constants; the tests compile each of them.
        let regex = self.compiled.get_or_init(|| {
            Regex::new(&format!("^(?:{pattern})$"))
                .unwrap_or_else(|error| panic!("pattern {pattern}: {error}"))
        });
        (!regex.is_match(text)).then(|| format!("must be {}", self.like))
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(crate) static $name: Text = $text;)+

        #[cfg(test)]
        const ALL: &[&Text] = &[$(&$name,)+];
    };
}

texts! {
    CLUSTER_ID = Text::like("cluster-[2-7a-zA-Z]{11,16}", "cluster- and 11 to 16 of the characters 2-7, a-z and A-Z");
    HSM_ID = Text::like("hsm-[2-7a-zA-Z]{11,16}", "hsm- and 11 to 16 of the characters 2-7, a-z and A-Z");
    BACKUP_ID = Text::like("backup-[2-7a-zA-Z]{11,16}", "backup- and 11 to 16 of the characters 2-7, a-z and A-Z");
    BACKUP_ARN = Text::like(
        "(arn:aws(-(us-gov))?:cloudhsm:([a-z]{2}(-(gov|isob|iso))?-(east|west|north|south|central){1,2}-[0-9]{1}):[0-9]{12}:backup/)?backup-[2-7a-zA-Z]{11,16}",
        "a backup's ARN, arn:aws:cloudhsm:REGION:ACCOUNT:backup/backup-..., or its id alone, backup- and 11 to 16 of the characters 2-7, a-z and A-Z",
    );
    CLOUDHSM_ARN = Text::like(
        "arn:aws(-(us-gov))?:cloudhsm:([a-z]{2}(-(gov|isob|iso))?-(east|west|north|south|central){1,2}-[0-9]{1}):[0-9]{12}:(backup/backup|cluster/cluster|hsm/hsm)-[2-7a-zA-Z]{11,16}",
        "an ARN such as arn:aws:cloudhsm:us-east-1:123456789012:backup/backup-abcdefg2345",
    );
    RESOURCE_ID = Text::like(
        "(?:cluster|backup)-[2-7a-zA-Z]{11,16}",
        "the id of a cluster or a backup, not an ARN: cluster- or backup-, and 11 to 16 of the characters 2-7, a-z and A-Z",
    );
    ENI_ID = Text::like("eni-[0-9a-fA-F]{8,17}", "eni- and 8 to 17 hexadecimal digits");
    SUBNET_ID = Text::like("subnet-[0-9a-fA-F]{8,17}", "subnet- and 8 to 17 hexadecimal digits");
    EXTERNAL_AZ = Text::like(
        "[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-[0-9][a-z]",
        "an availability zone, such as us-east-1a",
    );
    REGION = Text::like("[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-[0-9]", "a region, such as us-east-1");
    IP_ADDRESS = Text::like(
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        "an IPv4 address in four numbers, such as 127.0.1.2",
    );
    CERT = Text::like(
        "[a-zA-Z0-9+-/=\\s]*",
        "a certificate in PEM, which has letters, digits, white space and the characters + , - . / and = only",
    );
    TAG_KEY = Text::new(1, 128, Some(TAG_CHARACTERS), "letters, digits, spaces and the characters _ . : / = + - @ only");
    TAG_VALUE = Text::new(0, 256, Some(TAG_CHARACTERS), "letters, digits, spaces and the characters _ . : / = + - @ only");
    RESOURCE_POLICY = Text::new(1, MAX_TEXT, None, "a policy");
    /// The texts of a filter; the model has no limit for them.
    FILTER_VALUE = Text::new(0, MAX_TEXT, None, "a text");
    /// The model has 256, which is too short for the place of a tag with the longest key there may be.
    NEXT_TOKEN = Text::new(0, 1024, None, "a token");
}

const TAG_CHARACTERS: &str = "([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)";

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pattern compiles, and each is of the whole text.
    #[test]
    fn patterns() {
        for text in ALL {
            let _ = text.fault("x");
        }
        assert_eq!(CLUSTER_ID.fault("cluster-abcdefg2345"), None);
        for bad in [
            "cluster-abcdefg2345\n",
            " cluster-abcdefg2345",
            "cluster-abcdefg2340",
            "cluster-abc",
            "Cluster-abcdefg2345",
        ] {
            assert!(CLUSTER_ID.fault(bad).is_some(), "{bad:?}");
        }
        for good in ["us-east-1", "ap-southeast-2", "us-gov-west-1"] {
            assert_eq!(REGION.fault(good), None, "{good}");
        }
        for bad in ["us-iso-east-1", "us-east-10", "mars"] {
            assert!(REGION.fault(bad).is_some(), "{bad}");
        }
        assert_eq!(TAG_VALUE.fault("Zürich 名 1_.:/=+-@"), None);
        assert!(TAG_VALUE.fault("a#b").is_some());
        assert!(
            TAG_KEY.fault("").is_some()
                && TAG_KEY.fault(&"é".repeat(128)).is_none()
                && TAG_KEY.fault(&"é".repeat(129)).is_some()
        );
    }
}
