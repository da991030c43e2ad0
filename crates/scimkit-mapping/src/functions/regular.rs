//! Replacing what a regular expression matches, as in .NET.

use crate::expression::{Call, EvaluationErrorKind, Output, Stop};
use crate::pattern::{Groups, Pattern, PatternLimit};

/// The bytes of text that one step searches.
const BYTES_A_STEP: usize = 1024;

/// Checks that a text is not too long to search.
pub(super) fn searchable(call: Call<'_>, text: &str) -> Result<(), Stop> {
    let limit = call.context.environment.limits.searched;
    if text.len() > limit {
        return Err(EvaluationErrorKind::Limit { what: "length of a searched text", limit }.into());
    }
    Ok(())
}

/// The first match at or behind a place. What may have been searched for it counts as steps.
pub(super) fn find(call: Call<'_>, pattern: &Pattern, text: &str, start: usize) -> Result<Option<Groups>, Stop> {
    call.context.charge(1 + text.len().saturating_sub(start) / BYTES_A_STEP)?;
    pattern
        .find_at(text, start)
        .map_err(|PatternLimit { limit }| EvaluationErrorKind::Limit { what: "number of backtracking steps", limit }.into())
}

/// What becomes of a match.
pub(super) enum Replacement<'a> {
    /// The whole match becomes the template, in which `$1`, `${name}`, `$&` and `$$` stand for something.
    Template(&'a str),
    /// The group's text becomes this text.
    Group(&'a str, &'a str),
}

/// Replaces every match. As in .NET, an empty match may follow a match directly.
pub(super) fn replace_all(call: Call<'_>, pattern: &Pattern, text: &str, replacement: &Replacement<'_>) -> Result<Output, Stop> {
    searchable(call, text)?;
    let mut output = call.context.output();
    let mut copied = 0;
    let mut start = 0;
    while start <= text.len() {
        let Some(groups) = find(call, pattern, text, start)? else { break };
        let Some(found) = groups.first().cloned().flatten() else { break };
        match replacement {
            Replacement::Template(template) => {
                output.push(text.get(copied..found.start).unwrap_or_default())?;
                expand(template, pattern, text, &groups, &mut output)?;
                copied = found.end;
            }
            Replacement::Group(group, value) => {
                // A group inside a look-ahead may reach into what the next match replaces.
                if let Some(group) = pattern.group(group).and_then(|group| groups.get(group).cloned().flatten())
                    && group.start >= copied
                {
                    output.push(text.get(copied..group.start).unwrap_or_default())?;
                    output.push(value)?;
                    copied = group.end;
                }
            }
        }
        start = if found.is_empty() {
            let next = text.get(found.end..).and_then(|tail| tail.chars().next());
            found.end + next.map_or(1, char::len_utf8)
        } else {
            found.end
        };
    }
    output.push(text.get(copied..).unwrap_or_default())?;
    Ok(output)
}

/// Writes a template; what names no group stays as it is.
fn expand(template: &str, pattern: &Pattern, text: &str, groups: &Groups, output: &mut Output) -> Result<(), Stop> {
    let group = |name: &str| match name.parse::<usize>() {
        Ok(number) => groups.get(number),
        Err(_) => pattern.group(name).and_then(|number| groups.get(number)),
    };
    let text_of = |range: Option<std::ops::Range<usize>>| range.and_then(|range| text.get(range)).unwrap_or_default();
    let mut rest = template;
    while let Some((head, tail)) = rest.split_once('$') {
        output.push(head)?;
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let braced = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
        if let Some(after) = tail.strip_prefix('$') {
            output.push("$")?;
            rest = after;
        } else if let Some(after) = tail.strip_prefix('&') {
            output.push(text_of(groups.first().cloned().flatten()))?;
            rest = after;
        } else if let Some((name, after)) = braced
            && let Some(found) = group(name)
        {
            output.push(text_of(found.clone()))?;
            rest = after;
        } else if let Some((number, after)) = tail.split_at_checked(digits)
            && let (false, Some(found)) = (number.is_empty(), group(number))
        {
            output.push(text_of(found.clone()))?;
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
    use crate::{Environment, Evaluation, Expression, SourceRecord};

    #[track_caller]
    fn check(pattern: &str, text: &str, group: &str, replacement: &str, expected: &str) {
        let mut record = SourceRecord::new("1", "User");
        for (name, value) in [("p", pattern), ("t", text), ("g", group), ("r", replacement)] {
            record.attributes.insert(name, value);
        }
        let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
        let value = Expression::parse("Replace([t], , [p], [g], [r], , )").unwrap().evaluate(&record, &environment);
        assert_eq!(value, Ok(Evaluation::Value(expected.into())));
    }

    #[test]
    fn matches_and_groups_are_replaced_as_in_dot_net() {
        check("[a-z]*", "abc1", "", "X", "XX1X");
        check(r"(?<first>\w)(\w)", "abcd", "", "${first}_y$2$$$&${none}$9", "a_yb$ab${none}$9c_yd$cd${none}$9");
        check("@(?<host>.*)", "ola@a.example", "host", "b.example", "ola@b.example");
        check(r"[\<\>]", "<b>", "", "", "b");
        check("å*", "åbå", "", "-", "--b--");
    }
}
