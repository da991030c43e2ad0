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

use scimkit_types::Value;

use crate::expression::{Call, ExpressionErrorKind, ExpressionOptions, Node, Outcome, PreparedPatterns};
use crate::pattern::Pattern;

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
    /// What the result is.
    pub(crate) gives: Gives,
    /// Which arguments may have several values.
    lists: Lists,
    /// Gives the value.
    pub(crate) evaluate: fn(Call<'_>) -> Outcome<'_>,
}

impl Function {
    /// A function whose parameters are all required.
    const fn new(name: &'static str, parameters: &'static [&'static str], evaluate: fn(Call<'_>) -> Outcome<'_>) -> Self {
        let count = parameters.len();
        Self {
            name,
            parameters,
            required: count,
            least: count,
            most: count,
            is_even: false,
            gives: Gives::Text,
            lists: Lists::None,
            evaluate,
        }
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

    /// The result is not text.
    const fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    /// Some arguments may have several values.
    const fn lists(self, lists: Lists) -> Self {
        Self { lists, ..self }
    }

    /// Whether an argument may have several values.
    pub(crate) const fn takes_list(&self, index: usize) -> bool {
        match self.lists {
            Lists::None => false,
            Lists::First => index == 0,
            Lists::Rest => index > 0,
            Lists::All => true,
            Lists::Branches => self.is_branch(index),
        }
    }

    /// Whether the result may be this argument as it is, if the function chooses among arguments.
    pub(crate) const fn is_branch(&self, index: usize) -> bool {
        match self.gives {
            Gives::Any => true,
            Gives::First => index == 0,
            Gives::SecondOrThird => index == 1 || index == 2,
            Gives::EverySecond => index % 2 == 1,
            _ => false,
        }
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

/// What the result of a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Text,
    Boolean,
    Integer,
    Date,
    /// Several texts.
    List,
    /// Text, or a list of texts if the first argument is a list.
    LikeFirst,
    /// Several complex values.
    Complex,
    /// One of the arguments.
    Any,
    /// The first argument.
    First,
    /// The second or the third argument.
    SecondOrThird,
    /// The second, fourth, … argument.
    EverySecond,
}

/// Which arguments of a function may have several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    None,
    First,
    Rest,
    All,
    /// Those that may be the result.
    Branches,
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

fn all() -> impl Iterator<Item = &'static Function> + Clone {
    FAMILIES.iter().copied().flatten()
}

/// The function of this name, compared with case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// The function whose name is nearest, if it differs by case only or in at most two letters.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    nearest_of(all().map(|function| function.name), name)
}

/// The name that is nearest, if it differs by case only or in at most two letters.
pub(crate) fn nearest_of<'a>(names: impl Iterator<Item = &'a str> + Clone, name: &str) -> Option<&'a str> {
    if let Some(known) = names.clone().find(|known| known.eq_ignore_ascii_case(name)) {
        return Some(known);
    }
    let (distance, nearest) = names.map(|known| (distance(known, name), known)).min()?;
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
pub(crate) fn prepare_patterns(
    function: &Function,
    arguments: &[Option<Node>],
    options: &ExpressionOptions,
) -> Result<PreparedPatterns, ExpressionErrorKind> {
    let mut patterns = PreparedPatterns::new();
    for (index, argument) in arguments.iter().enumerate() {
        if function.parameter(index) == "regexPattern"
            && let Some(Node::Text(Value::String(text))) = argument
        {
            let fault = |fault| ExpressionErrorKind::Pattern { pattern: text.clone(), fault };
            let pattern = Pattern::compile(text, options.patterns.as_deref()).map_err(fault)?;
            patterns.push((index, pattern));
        }
    }
    Ok(patterns)
}

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
