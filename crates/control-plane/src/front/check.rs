//! Checks a request's document against the table, and says of each member that is wrong what would be right.

use serde_json::{Map, Value};

use super::model::{MAX_FILTER_VALUES, MAX_FILTERS, Member, Shape};
use super::protocol::shown;

/// The most problems that one answer tells of.
const MAX_PROBLEMS: usize = 10;

/// Checks the members of an input. Unknown members and those without a value are taken out, and texts that stand for
/// other things become these, so that what is left can be read as the operation's input.
///
/// # Errors
///
/// Sentences that name each wrong member.
pub(super) fn check(members: &[Member], document: &mut Value) -> Result<(), String> {
    let mut problems = Problems::default();
    structure(members, document, "", &mut problems);
    problems.end()
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, path: &str, problem: &str) {
        if self.0.len() <= MAX_PROBLEMS {
            self.0.push(format!("{path} {problem}."));
        }
    }

    fn end(mut self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        if self.0.len() > MAX_PROBLEMS {
            self.0[MAX_PROBLEMS] = "There is more.".to_owned();
        }
        Err(self.0.join(" "))
    }
}

fn value(shape: &Shape, value: &mut Value, path: &str, problems: &mut Problems) {
    match shape {
        Shape::Structure(members) => structure(members, value, path, problems),
        Shape::List(of, least, most) => list(of, *least, *most, value, path, problems),
        Shape::Filters(names) => filters(names, value, path, problems),
        single => {
            if let Some(problem) = single_value(single, value) {
                problems.add(path, &problem);
            }
        }
    }
}

fn single_value(shape: &Shape, value: &mut Value) -> Option<String> {
    let text = value.as_str();
    match shape {
        Shape::Text(like) => match text {
            Some(text) => like.fault(text).map(|fault| format!("{fault}, and is {}", shown(text))),
            None => Some("must be a text".to_owned()),
        },
        Shape::Choice(texts) => match text {
            Some(text) if texts.contains(&text) => None,
            Some(text) => Some(format!("must be one of {}, and is {}", texts.join(", "), shown(text))),
            None => Some(format!("must be a text, one of {}", texts.join(", "))),
        },
        Shape::TextOfBoolean => match text.map(str::to_ascii_lowercase).as_deref() {
            Some(word @ ("true" | "false")) => {
                *value = Value::Bool(word == "true");
                None
            }
            _ => Some("must be a text, true or false".to_owned()),
        },
        Shape::TextOfNumber(least, most) => {
            let digits =
                text.filter(|text| text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit()));
            match digits.and_then(|digits| digits.parse().ok()) {
                Some(number) if (*least..=*most).contains(&number) => None,
                _ => Some(format!("must be a text of digits, a number from {least} to {most}")),
            }
        }
        Shape::Number(least, most) => match value.as_i64() {
            Some(number) if (i64::from(*least)..=i64::from(*most)).contains(&number) => None,
            _ => Some(format!("must be a whole number from {least} to {most}")),
        },
        Shape::Boolean if value.is_boolean() => None,
        Shape::Boolean => Some("must be true or false, without quotes".to_owned()),
        Shape::List(..) | Shape::Structure(_) | Shape::Filters(_) => None,
    }
}

fn structure(members: &[Member], value_of: &mut Value, path: &str, problems: &mut Problems) {
    let Value::Object(found) = value_of else {
        problems.add(path, "must be a structure");
        return;
    };
    let mut kept = Map::new();
    for member in members {
        let path = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
        match found.remove(member.name) {
            Some(mut content) if !content.is_null() => {
                value(&member.shape, &mut content, &path, problems);
                kept.insert(member.name.to_owned(), content);
            }
            _ if member.required => problems.add(&path, "is missing"),
            _ => {}
        }
    }
    *found = kept;
}

fn list(of: &Shape, least: usize, most: usize, value_of: &mut Value, path: &str, problems: &mut Problems) {
    let Value::Array(items) = value_of else {
        problems.add(path, "must be a list");
        return;
    };
    if !(least..=most).contains(&items.len()) {
        problems.add(path, &format!("must have {least} to {most} entries, and has {}", items.len()));
        return;
    }
    for (index, item) in items.iter_mut().enumerate() {
        value(of, item, &format!("{path}[{index}]"), problems);
    }
}

fn filters(names: &[(&str, Shape)], value_of: &mut Value, path: &str, problems: &mut Problems) {
    let Value::Object(found) = value_of else {
        problems.add(path, "must be a map from names of filters to lists of texts");
        return;
    };
    if found.len() > MAX_FILTERS {
        problems.add(path, &format!("must have at most {MAX_FILTERS} names, and has {}", found.len()));
        return;
    }
    found.retain(|_, values| !values.is_null());
    for (name, values) in found {
        match names.iter().find(|(known, _)| known == name) {
            // A filter without values would leave it open whether all or nothing is meant.
            Some((_, of)) => list(of, 1, MAX_FILTER_VALUES, values, &format!("{path}.{name}"), problems),
            None => {
                let known: Vec<_> = names.iter().map(|(known, _)| *known).collect();
                problems.add(path, &format!("has no filter {}, only {}", shown(name), known.join(", ")));
            }
        }
    }
}
