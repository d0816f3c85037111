//! As much of X.509 as it takes to check a certificate of version 1.
//!
//! `openssl x509 -req` without a file of extensions, which is how CloudHSM's guide has the cluster's certificate signed, makes
//! certificates of version 1 (before OpenSSL 3.2). They have no extensions, so that there is little to check.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, in which a version other than 1 is told.
const VERSION: u8 = 0xa0;

/// What is in a certificate. Contents are without their tags and lengths.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    /// What is signed, with its tag.
    pub(crate) signed: &'a [u8],
    /// By which algorithm.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) issuer: &'a [u8],
    /// Seconds since 1970.
    pub(crate) not_before: u64,
    /// Seconds since 1970.
    pub(crate) not_after: u64,
    /// The public key's info, with its tag.
    pub(crate) key_info: &'a [u8],
}

/// A public key's algorithm and bits.
#[derive(Debug)]
pub(crate) struct KeyInfo<'a> {
    pub(crate) algorithm: &'a [u8],
    pub(crate) key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; `None` if it isn't one.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(der);
        let mut certificate = Reader(outer.take(SEQUENCE)?);
        outer.is_empty().then_some(())?;
        let signed = certificate.take_whole(SEQUENCE)?;
        let algorithm = certificate.take(SEQUENCE)?;
        let signature = bits(certificate.take(BIT_STRING)?)?;
        certificate.is_empty().then_some(())?;

        let mut body = Reader(Reader(signed).take(SEQUENCE)?);
        if body.next_is(VERSION) {
            body.take(VERSION)?;
        }
        body.take(INTEGER)?;
        let inner = body.take(SEQUENCE)?;
        // RFC 5280, 4.1.1.2: they're the same, so that what is signed says by what.
        (inner == algorithm).then_some(())?;
        let issuer = body.take(SEQUENCE)?;
        let mut validity = Reader(body.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        body.take(SEQUENCE)?;
        let key_info = body.take_whole(SEQUENCE)?;
        Some(Self { signed, algorithm, signature, issuer, not_before, not_after, key_info })
    }
}

impl<'a> KeyInfo<'a> {
    /// Reads a public key's info, with its tag or without.
    pub(crate) fn read(der: &'a [u8], tagged: bool) -> Option<Self> {
        let mut reader = Reader(if tagged { Reader(der).take(SEQUENCE)? } else { der });
        Some(Self { algorithm: reader.take(SEQUENCE)?, key: bits(reader.take(BIT_STRING)?)? })
    }
}

/// The content of a bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content.strip_prefix(&[0])
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn next_is(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The content of the next element, which has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element(tag).map(|(_, content)| content)
    }

    /// The next element, which has this tag, all of it.
    fn take_whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element(tag).map(|(whole, _)| whole)
    }

    fn element(&mut self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let (found, rest) = self.0.split_first()?;
        (*found == tag).then_some(())?;
        let (first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                // In DER a length has as few bytes as it can.
                let least = if bytes.len() == 1 { 0x80 } else { 1 << (8 * (bytes.len() - 1)) };
                (len >= least).then_some(())?;
                (len, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some((whole, content))
    }

    /// A time in seconds since 1970; what was before is 0.
    fn time(&mut self) -> Option<u64> {
        let (text, century) = match *self.0.first()? {
            UTC_TIME => (self.take(UTC_TIME)?, None),
            GENERALIZED_TIME => {
                let text = self.take(GENERALIZED_TIME)?;
                let (century, text) = text.split_at_checked(2)?;
                (text, Some(number(century)?))
            }
            _ => return None,
        };
        let [year, month, day, hour, minute, second] = {
            let digits = text.strip_suffix(b"Z").filter(|digits| digits.len() == 12)?;
            let mut parts = [0; 6];
            for (part, digits) in parts.iter_mut().zip(digits.chunks(2)) {
                *part = number(digits)?;
            }
            parts
        };
        // RFC 5280, 4.1.2.5.1: two digits are of 1950 to 2049.
        let year = match century {
            Some(century) => century * 100 + year,
            None => year + if year < 50 { 2000 } else { 1900 },
        };
        let sane =
            (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
        sane.then_some(())?;
        if year < 1970 {
            return Some(0);
        }
        Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

/// Days from 1970 to a day of the Gregorian calendar.
const fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    before + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let time = |tag: u8, text: &[u8]| {
            let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
            der.extend_from_slice(text);
            Reader(&der).time()
        };
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"240229235959Z"), Some(1_709_251_199));
        assert_eq!(time(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000));
        assert_eq!(time(UTC_TIME, b"500101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"241329000000Z"), None);
        assert_eq!(time(UTC_TIME, b"2402290000Z"), None);
        assert_eq!(time(UTC_TIME, b"+40229235959Z"), None);
        assert_eq!(time(GENERALIZED_TIME, b""), None);
    }

    #[test]
    fn what_is_cut_or_too_long_is_no_element() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 2, 0],
            &[0x30, 0x81, 3, 0, 0, 0],
            &[0x30, 0x84, 0, 0, 0, 1, 0],
            &[0x31, 0],
        ] {
            assert!(Reader(bad).take(SEQUENCE).is_none(), "{bad:?}");
            assert!(Certificate::read(bad).is_none());
        }
        let mut reader = Reader(&[0x30, 1, 7, 9]);
        assert_eq!((reader.take(SEQUENCE), reader.0), (Some(&[7][..]), &[9][..]));
    }
}
