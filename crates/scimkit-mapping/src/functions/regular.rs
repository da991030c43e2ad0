//! Regular expressions as .NET writes them, run by a linear engine.

use regex::{Regex, RegexBuilder};

use crate::expression::{EvaluationErrorKind, Output, Pattern, Stop};

/// The most bytes that a compiled expression takes.
const MAX_COMPILED: usize = 1 << 20;
/// The most bytes of text that an expression is run on; a replacement takes time that grows with the square of it.
pub(super) const MAX_SEARCHED: usize = 16 * 1024;

/// Compiles an expression; `None` if it is none, is too large, or uses what a linear engine cannot do.
pub(crate) fn compile(pattern: &str) -> Option<Pattern> {
    RegexBuilder::new(&translate(pattern)).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).nest_limit(64).build().ok().map(Pattern)
}

/// In .NET `\<` and `\>` stand for the characters, and `\Z` for the end.
fn translate(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            translated.push(c);
            continue;
        }
        match chars.next() {
            Some(escaped @ ('<' | '>')) => translated.push(escaped),
            Some('Z') => translated.push_str(r"\z"),
            Some(escaped) => translated.extend(['\\', escaped]),
            None => translated.push('\\'),
        }
    }
    translated
}

/// Checks that a text is not too long to search.
pub(super) fn searchable(text: &str) -> Result<(), Stop> {
    if text.len() > MAX_SEARCHED {
        return Err(EvaluationErrorKind::Limit { what: "length of a searched text", limit: MAX_SEARCHED }.into());
    }
    Ok(())
}

/// What becomes of a match.
pub(super) enum Replacement<'a> {
    /// The whole match becomes the template, in which `$1`, `${name}`, `$&` and `$$` stand for something.
    Template(&'a str),
    /// The group's text becomes this text.
    Group(&'a str, &'a str),
}

/// Replaces every match. As in .NET, an empty match may follow a match directly.
pub(super) fn replace_all(regex: &Regex, text: &str, replacement: &Replacement<'_>) -> Result<Output, Stop> {
    searchable(text)?;
    let mut output = Output::default();
    let mut copied = 0;
    let mut start = 0;
    while start <= text.len() {
        let Some(captures) = regex.captures_at(text, start) else { break };
        let Some(found) = captures.get(0) else { break };
        match replacement {
            Replacement::Template(template) => {
                output.push(text.get(copied..found.start()).unwrap_or_default())?;
                expand(template, &captures, &mut output)?;
                copied = found.end();
            }
            Replacement::Group(group, value) => {
                if let Some(group) = captures.name(group) {
                    output.push(text.get(copied..group.start()).unwrap_or_default())?;
                    output.push(value)?;
                    copied = group.end();
                }
            }
        }
        start = if found.is_empty() {
            let next = text.get(found.end()..).and_then(|tail| tail.chars().next());
            found.end() + next.map_or(1, char::len_utf8)
        } else {
            found.end()
        };
    }
    output.push(text.get(copied..).unwrap_or_default())?;
    Ok(output)
}

/// Writes a template; what names no group stays as it is.
fn expand(template: &str, captures: &regex::Captures<'_>, output: &mut Output) -> Result<(), Stop> {
    let group = |name: &str| match name.parse::<usize>() {
        Ok(number) => (number < captures.len()).then(|| captures.get(number)),
        Err(_) => captures.name(name).map(Some),
    };
    let mut rest = template;
    while let Some((head, tail)) = rest.split_once('$') {
        output.push(head)?;
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let braced = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
        if let Some(after) = tail.strip_prefix('$') {
            output.push("$")?;
            rest = after;
        } else if let Some(after) = tail.strip_prefix('&') {
            output.push(captures.get(0).map_or("", |found| found.as_str()))?;
            rest = after;
        } else if let Some((name, after)) = braced
            && let Some(found) = group(name)
        {
            output.push(found.map_or("", |found| found.as_str()))?;
            rest = after;
        } else if let Some((number, after)) = tail.split_at_checked(digits)
            && let (false, Some(found)) = (number.is_empty(), group(number))
        {
            output.push(found.map_or("", |found| found.as_str()))?;
            rest = after;
        } else {
            output.push("$")?;
            rest = tail;
        }
    }
    output.push(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimkit_types::Value;

    #[track_caller]
    fn check(pattern: &str, text: &str, replacement: &Replacement<'_>, expected: &str) {
        let output = replace_all(&compile(pattern).unwrap().0, text, replacement).unwrap();
        assert_eq!(Value::from(output).as_str(), Some(expected));
    }

    #[test]
    fn matches_and_groups_are_replaced_as_in_dot_net() {
        check("[a-z]*", "abc1", &Replacement::Template("X"), "XX1X");
        check(r"(?<first>\w)(\w)", "abcd", &Replacement::Template("${first}_y$2$$$&${none}$9"), "a_yb$ab${none}$9c_yd$cd${none}$9");
        check("@(?<host>.*)", "ola@a.example", &Replacement::Group("host", "b.example"), "ola@b.example");
        check(r"[\<\>]", "<b>", &Replacement::Template(""), "b");
        check("å*", "åbå", &Replacement::Template("-"), "--b--");
    }

    #[test]
    fn what_needs_back_tracking_is_refused() {
        for pattern in ["(?=a)", r"(a)\1", "(", "a{1000}{1000}{1000}"] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
    }
}
