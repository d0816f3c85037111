//! Whether what was printed is what was expected.

use std::collections::BTreeMap;

use serde_json::Value;

/// What `<kind:name>` remembered.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// A text with what is remembered in the place of its name.
    pub(crate) fn filled(&self, text: &str) -> String {
        self.0.iter().fold(text.to_string(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
    }

    /// Whether printed JSON is as expected; says where not.
    pub(crate) fn json(&mut self, expected: &Value, printed: &Value, at: &str) -> Result<(), String> {
        let differs = || Err(format!("{at}: expected {expected}, but it's {printed}"));
        match (expected, printed) {
            (Value::String(pattern), Value::String(text)) => {
                if self.text(pattern, text) {
                    Ok(())
                } else {
                    differs()
                }
            }
            (Value::String(pattern), Value::Number(number)) if pattern.starts_with("<number") => {
                if self.text(pattern, &number.to_string()) { Ok(()) } else { differs() }
            }
            (Value::Object(expected), Value::Object(printed)) => {
                let others = expected.contains_key("...");
                for (key, value) in expected.iter().filter(|(key, _)| *key != "...") {
                    let there = printed.get(key).ok_or_else(|| format!("{at}: {key} isn't there"))?;
                    self.json(value, there, &format!("{at}.{key}"))?;
                }
                match printed.keys().find(|key| !expected.contains_key(*key)) {
                    Some(key) if !others => Err(format!("{at}: {key} wasn't expected")),
                    _ => Ok(()),
                }
            }
            (Value::Array(expected), Value::Array(printed)) if expected.len() == printed.len() => {
                let mut pairs = expected.iter().zip(printed).enumerate();
                pairs.try_for_each(|(at_item, (expected, printed))| {
                    self.json(expected, printed, &format!("{at}[{at_item}]"))
                })
            }
            _ if expected == printed => Ok(()),
            _ => differs(),
        }
    }

    /// Whether a line of text is as expected; how much white space there is doesn't matter.
    pub(crate) fn line(&mut self, pattern: &str, line: &str) -> bool {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.text(&squeezed(pattern), &squeezed(line))
    }

    fn text(&mut self, pattern: &str, text: &str) -> bool {
        let pattern = self.filled(pattern);
        let Some((before, kind, name, after)) = placeholder(&pattern) else { return pattern == text };
        let Some(rest) = text.strip_prefix(before) else { return false };
        // The longest that fits first, at boundaries of characters.
        let mut ends: Vec<usize> = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).collect();
        ends.reverse();
        ends.into_iter().any(|end| {
            let (value, behind) = rest.split_at(end);
            if !is_kind(kind, value) {
                return false;
            }
            if let Some(name) = name {
                self.0.insert(format!("{kind}:{name}"), value.into());
            }
            let fits = self.text(after, behind);
            if let Some(name) = name.filter(|_| !fits) {
                self.0.remove(&format!("{kind}:{name}"));
            }
            fits
        })
    }
}

const KINDS: [&str; 5] = ["handle", "base64", "hex", "number", "any"];

/// The first placeholder: what is before it, its kind, its name, what is behind.
fn placeholder(pattern: &str) -> Option<(&str, &str, Option<&str>, &str)> {
    pattern.match_indices('<').find_map(|(at, _)| {
        let (inner, after) = pattern[at + 1..].split_once('>')?;
        let (kind, name) = inner.split_once(':').map_or((inner, None), |(kind, name)| (kind, Some(name)));
        KINDS.contains(&kind).then_some((&pattern[..at], kind, name, after))
    })
}

fn is_kind(kind: &str, text: &str) -> bool {
    let all = |allowed: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| allowed(&byte));
    let is_hex = |text: &str| {
        text.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match kind {
        "handle" => text.len() == 18 && is_hex(text),
        "hex" => is_hex(text),
        "number" => all(u8::is_ascii_digit),
        "base64" => {
            text.len().is_multiple_of(4) && all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
        }
        _ => true,
    }
}

#[test]
fn placeholders_match_and_remember() {
    let mut names = Names::default();
    let printed = serde_json::json!({
        "key-reference": "0x0000000000000007", "n": 5, "list": [{"a": "x", "b": 1}], "said": "key 0x0000000000000007 is",
    });
    let expected = serde_json::json!({
        "key-reference": "<handle:k>", "n": "<number>", "list": [{"a": "<any>", "...": "..."}], "said": "key <handle:k> is",
    });
    names.json(&expected, &printed, "").unwrap();
    assert_eq!(names.filled("key-reference=<handle:k>"), "key-reference=0x0000000000000007");
    for wrong in [
        serde_json::json!({"n": 5}),
        serde_json::json!({"...": "...", "n": 6}),
        serde_json::json!({"...": "...", "list": []}),
        serde_json::json!({"...": "...", "said": "key <number> is"}),
    ] {
        assert!(names.json(&wrong, &printed, "").is_err(), "{wrong}");
    }
    assert!(names.line("KEY  <handle:k>   aes", "KEY 0x0000000000000007 aes"));
    assert!(!names.line("<handle:k>", "0x0000000000000008"));
}
