//! Regular expressions as .NET writes them: a linear engine, and a place for one that backtracks.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// The most bytes of a regular expression's text.
const MAX_TEXT: usize = 4 * 1024;
/// The most bytes that a compiled expression takes.
const MAX_COMPILED: usize = 1 << 20;

/// Runs regular expressions that the linear engine cannot: those with look-around, atomic groups and back-references.
///
/// # Contract
/// A pattern is in the language of .NET, with `\<`, `\>` and `\Z` already rewritten. The work for one search is bounded.
///
/// # Errors
/// Text that is no expression is refused when it is compiled.
pub trait PatternEngine: fmt::Debug + Send + Sync {
    /// Makes an expression ready.
    ///
    /// # Errors
    /// Why the text is no expression for this engine, in words.
    fn compile(&self, pattern: &str) -> Result<Arc<dyn CompiledPattern>, String>;
}

/// A regular expression that an engine made ready.
///
/// # Contract
/// Equal arguments give equal results. Ranges are in bytes of the text and on the borders of characters.
pub trait CompiledPattern: fmt::Debug + Send + Sync {
    /// The groups of the first match at or behind `start`, the whole match first; `None` for a group that takes no part, and for no match.
    ///
    /// # Errors
    /// [`PatternLimit`] if the search took too much work.
    fn find_at(&self, text: &str, start: usize) -> Result<Option<Groups>, PatternLimit>;

    /// The number of a named group.
    fn group(&self, name: &str) -> Option<usize>;
}

/// The ranges of a match and of its groups.
pub type Groups = Vec<Option<Range<usize>>>;

/// A search that took more work than an engine allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the search is over the limit of {limit} backtracking steps")]
#[expect(clippy::exhaustive_structs, reason = "implementers of engines make it")]
pub struct PatternLimit {
    /// The limit.
    pub limit: usize,
}

/// Why a text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternFault {
    /// The text is not in the language of regular expressions.
    #[error("expected a regular expression")]
    Syntax,
    /// The text or the compiled expression is too large.
    #[error("the size of the regular expression is over the limit")]
    Size,
    /// The expression has look-around, atomic groups or back-references, and no engine for them was passed in.
    #[error(
        "look-around and back-references need a backtracking engine; pass one in, such as `BacktrackingEngine` of the feature `fancy-regex`"
    )]
    Backtracking,
    /// The engine that was passed in refuses the expression.
    #[error("the backtracking engine refuses the expression: {message}")]
    Engine {
        /// What the engine says.
        message: String,
    },
}

/// A regular expression; equal if the texts are.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    compiled: Compiled,
}

#[derive(Clone, Debug)]
enum Compiled {
    Linear(Regex),
    Engine(Arc<dyn CompiledPattern>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Compiles an expression; only what the linear engine cannot run goes to the other one.
    pub(crate) fn compile(text: &str, engine: Option<&dyn PatternEngine>) -> Result<Self, PatternFault> {
        if text.len() > MAX_TEXT {
            return Err(PatternFault::Size);
        }
        let translated = translate(text);
        let compiled = if needs_backtracking(text) {
            let engine = engine.ok_or(PatternFault::Backtracking)?;
            Compiled::Engine(engine.compile(&translated).map_err(|message| PatternFault::Engine { message })?)
        } else {
            let mut builder = RegexBuilder::new(&translated);
            let regex = builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).nest_limit(64).build();
            Compiled::Linear(regex.map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => PatternFault::Size,
                _ => PatternFault::Syntax,
            })?)
        };
        Ok(Self { text: text.to_owned(), compiled })
    }

    /// Whether the text has a match.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.compiled {
            Compiled::Linear(regex) => regex.is_match(text),
            Compiled::Engine(compiled) => compiled.find_at(text, 0).is_ok_and(|found| found.is_some()),
        }
    }

    /// The groups of the first match at or behind a place.
    pub(crate) fn find_at(&self, text: &str, start: usize) -> Result<Option<Groups>, PatternLimit> {
        match &self.compiled {
            Compiled::Linear(regex) => {
                Ok(regex.captures_at(text, start).map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()))
            }
            Compiled::Engine(compiled) => compiled.find_at(text, start),
        }
    }

    /// The number of a named group.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        match &self.compiled {
            Compiled::Linear(regex) => regex.capture_names().position(|known| known == Some(name)),
            Compiled::Engine(compiled) => compiled.group(name),
        }
    }
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

/// Whether an expression has look-around, an atomic group or a back-reference outside of character classes.
fn needs_backtracking(pattern: &str) -> bool {
    let mut is_class = false;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = tail;
        match c {
            '\\' => {
                let escaped = tail.chars().next();
                if !is_class && matches!(escaped, Some('1'..='9' | 'k')) {
                    return true;
                }
                rest = tail.get(escaped.map_or(0, char::len_utf8)..).unwrap_or_default();
            }
            '[' => is_class = true,
            ']' => is_class = false,
            '(' if !is_class && ["?=", "?!", "?<=", "?<!", "?>"].iter().any(|mark| tail.starts_with(mark)) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(feature = "fancy-regex")]
pub use backtracking::BacktrackingEngine;

#[cfg(feature = "fancy-regex")]
mod backtracking {
    use std::sync::Arc;

    use fancy_regex::{Regex, RegexBuilder};

    use super::{CompiledPattern, Groups, MAX_COMPILED, PatternEngine, PatternLimit};

    /// An engine with look-around, atomic groups and back-references; every search is bounded by a number of steps.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use scimkit_mapping::{BacktrackingEngine, Environment, Evaluation, Expression, ExpressionOptions, SourceRecord};
    ///
    /// let options = ExpressionOptions::default().with_patterns(Arc::new(BacktrackingEngine::default()));
    /// let expression = Expression::parse_with(r#"Replace([phone], , "(?<=\\+)0+", , "", , )"#, &options)?;
    /// let mut record = SourceRecord::new("7", "User");
    /// record.attributes.insert("phone", "+0047 5");
    /// let environment = Environment::new("2026-03-01T08:00:00Z".parse()?);
    /// assert_eq!(expression.evaluate(&record, &environment)?, Evaluation::Value("+47 5".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct BacktrackingEngine {
        limit: usize,
    }

    impl Default for BacktrackingEngine {
        fn default() -> Self {
            Self { limit: 100_000 }
        }
    }

    impl BacktrackingEngine {
        /// An engine that gives up after so many steps of one search. Default 100,000.
        pub const fn new(limit: usize) -> Self {
            Self { limit }
        }
    }

    impl PatternEngine for BacktrackingEngine {
        fn compile(&self, pattern: &str) -> Result<Arc<dyn CompiledPattern>, String> {
            let mut builder = RegexBuilder::new(pattern);
            builder.backtrack_limit(self.limit).delegate_size_limit(MAX_COMPILED).delegate_dfa_size_limit(MAX_COMPILED);
            let regex = builder.build().map_err(|error| error.to_string())?;
            Ok(Arc::new(Compiled { regex, limit: self.limit }))
        }
    }

    #[derive(Debug)]
    struct Compiled {
        regex: Regex,
        limit: usize,
    }

    impl CompiledPattern for Compiled {
        fn find_at(&self, text: &str, start: usize) -> Result<Option<Groups>, PatternLimit> {
            let found = self.regex.captures_from_pos(text, start).map_err(|_| PatternLimit { limit: self.limit })?;
            Ok(found.map(|found| found.iter().map(|group| group.map(|group| group.start()..group.end())).collect()))
        }

        fn group(&self, name: &str) -> Option<usize> {
            self.regex.capture_names().position(|known| known == Some(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &PatternFault) {
        assert_eq!(Pattern::compile(pattern, None).unwrap_err(), *expected, "{pattern}");
    }

    #[test]
    fn what_the_linear_engine_cannot_run_names_the_feature() {
        for pattern in ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)b", r"(a)\1", r"(?<x>a)\k<x>"] {
            check(pattern, &PatternFault::Backtracking);
        }
        assert!(PatternFault::Backtracking.to_string().contains("feature `fancy-regex`"));
        for pattern in ["[(?=a)]", r"\\1", r"\(?=a", "(?<name>a)", "(?:a)"] {
            assert!(Pattern::compile(pattern, None).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn size_is_bounded() {
        check("(", &PatternFault::Syntax);
        check("a{1000}{1000}{1000}", &PatternFault::Size);
        assert!(Pattern::compile(&"a".repeat(MAX_TEXT), None).is_ok());
        check(&"a".repeat(MAX_TEXT + 1), &PatternFault::Size);
    }

    #[cfg(feature = "fancy-regex")]
    #[test]
    fn the_backtracking_engine_gives_up_at_its_limit() {
        let engine = BacktrackingEngine::new(1_000);
        let pattern = Pattern::compile(r"^(?:(a+)\1?)+$", Some(&engine)).unwrap();
        assert_eq!(pattern.find_at("aaa", 0).unwrap().unwrap().first(), Some(&Some(0..3)));
        assert_eq!(pattern.find_at(&format!("{}b", "a".repeat(60)), 0), Err(PatternLimit { limit: 1_000 }));
        assert!(matches!(Pattern::compile("(?=a", Some(&engine)), Err(PatternFault::Engine { .. })));
    }
}
