//! The words of a line.

use zeroize::Zeroizing;

use crate::output::Failure;

/// Splits a line as a shell does, without expanding anything: words end at white space, `'...'` takes all as it is, `"..."` and what
/// is outside of quotes take a character behind `\` as it is.
///
/// Words are wiped when they are dropped: a password may be among them.
pub(crate) fn split(line: &str) -> Result<Vec<Zeroizing<String>>, Failure> {
    let mut words = Vec::new();
    let mut word: Option<Zeroizing<String>> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            _ if character.is_whitespace() => words.extend(word.take()),
            '\'' => {
                // The line's length, so that a word doesn't move and leave copies.
                let word = word.get_or_insert_with(|| Zeroizing::new(String::with_capacity(line.len())));
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => return Err(unclosed('\'')),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_with(|| Zeroizing::new(String::with_capacity(line.len())));
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => word.push(characters.next().ok_or_else(|| unclosed('"'))?),
                        Some(inner) => word.push(inner),
                        None => return Err(unclosed('"')),
                    }
                }
            }
            _ => {
                let word = word.get_or_insert_with(|| Zeroizing::new(String::with_capacity(line.len())));
                let plain = if character == '\\' { characters.next() } else { Some(character) };
                word.push(plain.ok_or_else(|| {
                    Failure::new("the line ends with \\, which needs a character behind it")
                })?);
            }
        }
    }
    words.extend(word);
    Ok(words)
}

fn unclosed(quote: char) -> Failure {
    Failure::new(format!("the line has a {quote} without the one that closes it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, String> {
        split(line)
            .map(|words| words.iter().map(|word| word.to_string()).collect())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn words_are_split_as_in_a_shell() {
        for (line, expected) in [
            ("  user   list\t", &["user", "list"][..]),
            ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
            (r#"a\ b "c\"d" 'e\f'"#, &["a b", "c\"d", "e\\f"]),
            ("pre'fix'\"ed\"", &["prefixed"]),
            ("--password ''", &["--password", ""]),
            ("Käse:ÿ", &["Käse:ÿ"]),
            ("", &[]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for line in ["'a", "\"a", "\"a\\", "a\\"] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
