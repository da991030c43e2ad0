//! The functions of the expression language, as a table: one module for each family.
//!
//! A function is a row: its name, its parameters, which of them must be there, and a plain `fn` that evaluates the arguments it needs.

mod date;
mod encoding;
mod list;
mod logic;
mod net_date;
mod random;
mod regular;
mod replace;
mod role;
mod text;

use crate::expression::{Call, ExpressionErrorKind, Node, Outcome, PreparedPatterns};

/// One function.
pub(crate) struct Function {
    /// The name, with its case.
    pub(crate) name: &'static str,
    /// The names of the parameters, as Microsoft Graph calls them; the last one names all further arguments too.
    pub(crate) parameters: &'static [&'static str],
    /// How many arguments, from the first, must not be left out.
    pub(crate) required: usize,
    /// The fewest arguments, those left out counted.
    pub(crate) least: usize,
    /// The most arguments.
    pub(crate) most: usize,
    /// Whether the number of arguments must be even.
    pub(crate) is_even: bool,
    /// Whether the result has several values.
    pub(crate) is_list: bool,
    /// Gives the value.
    pub(crate) evaluate: fn(&Call<'_>) -> Outcome,
}

impl Function {
    /// A function whose parameters are all required.
    const fn new(name: &'static str, parameters: &'static [&'static str], evaluate: fn(&Call<'_>) -> Outcome) -> Self {
        let count = parameters.len();
        Self { name, parameters, required: count, least: count, most: count, is_even: false, is_list: false, evaluate }
    }

    /// Only the first parameters are required.
    const fn required(self, required: usize) -> Self {
        Self { required, least: required, ..self }
    }

    /// At least so many arguments, although some of them may be left out between commas.
    const fn at_least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// The last parameter may repeat.
    const fn repeated(self) -> Self {
        Self { most: usize::MAX, ..self }
    }

    const fn even(self) -> Self {
        Self { is_even: true, ..self }
    }

    const fn list(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// The name of a parameter.
    pub(crate) fn parameter(&self, index: usize) -> &'static str {
        self.parameters.get(index).or_else(|| self.parameters.last()).copied().unwrap_or("argument")
    }

    /// How many arguments the function takes, in words.
    pub(crate) fn usage(&self) -> String {
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        let even = if self.is_even { ", an even number of them" } else { "" };
        match (self.least, self.most) {
            (0, 0) => "no arguments".to_owned(),
            (least, usize::MAX) => format!("at least {least} {}{even}", plural(least)),
            (least, most) if least == most => format!("{least} {}", plural(least)),
            (least, most) => format!("{least} to {most} arguments"),
        }
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All functions, by family.
static FAMILIES: [&[Function]; 8] = [
    text::FUNCTIONS,
    logic::FUNCTIONS,
    date::FUNCTIONS,
    list::FUNCTIONS,
    role::FUNCTIONS,
    encoding::FUNCTIONS,
    replace::FUNCTIONS,
    random::FUNCTIONS,
];

fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().copied().flatten()
}

/// The function of this name, compared with case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// The function whose name is nearest, if it differs by case only or in at most two letters.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    if let Some(function) = all().find(|function| function.name.eq_ignore_ascii_case(name)) {
        return Some(function.name);
    }
    let (distance, nearest) = all().map(|function| (distance(function.name, name), function.name)).min()?;
    (distance <= 2 && name.len() > 2).then_some(nearest)
}

/// How many letters must be put in, left out or changed to make one name of the other; names that are too long are far away.
fn distance(left: &str, right: &str) -> usize {
    if right.chars().nth(64).is_some() {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut previous = line + 1;
        let mut next = vec![previous];
        for (b, above) in right.iter().zip(row.iter().skip(1)) {
            let change = diagonal + usize::from(a != *b);
            previous = change.min(above + 1).min(previous + 1);
            diagonal = *above;
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Compiles the regular expressions that stand as constants in a call.
pub(crate) fn prepare_patterns(function: &Function, arguments: &[Option<Node>]) -> Result<PreparedPatterns, ExpressionErrorKind> {
    let mut patterns = PreparedPatterns::new();
    for (index, argument) in arguments.iter().enumerate() {
        if function.parameter(index) == "regexPattern"
            && let Some(Node::Text(text)) = argument
        {
            let pattern = regular::compile(text).ok_or_else(|| ExpressionErrorKind::Pattern { pattern: text.clone() })?;
            patterns.push((index, pattern));
        }
    }
    Ok(patterns)
}

pub(crate) use regular::compile as compile_pattern;

/// The text as an `xsd:dateTime`: as it stands if it is one, else read as a date of the language; `None` if it is no date.
pub(crate) fn date_time(text: &str) -> Option<String> {
    if scimkit_types::compare::instant(text).is_some() {
        return Some(text.to_owned());
    }
    net_date::read(text).map(|date| format!("{date}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|function| function.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        assert_eq!(nearest("tolower"), Some("ToLower"));
        assert_eq!(nearest("ToLowe"), Some("ToLower"));
        assert_eq!(nearest("Spilt"), Some("Split"));
        assert_eq!(nearest("Concatenate"), None);
        assert_eq!(nearest(&"a".repeat(9_000)), None);
    }
}
