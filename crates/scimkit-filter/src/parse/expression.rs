//! Filters: terms, their connectives and their grouping.

use nom::Parser as _;
use nom::character::complete::char;
use scimkit_types::Tolerance;

use super::failure::{Failure, What};
use super::path::attribute_name;
use super::{Parsed, Parser, Scope, looked_at};
use crate::ast::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, PatchPath, ValuePath};

pub(super) const OPERATOR: &str = "an operator such as `eq` or `pr`";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Connective {
    And,
    Or,
}

enum Operator {
    Present,
    Compare(CompareOperator),
}

impl Parser<'_> {
    /// A filter and nothing else.
    #[inline]
    pub(super) fn whole_filter<'i>(&self, input: &'i str, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        let rest = self.optional_blanks(input);
        let (rest, ()) = self.filter(rest, 0, Scope::Filter, into)?;
        let rest = self.optional_blanks(rest);
        Self::end(rest, "`and`, `or` or the end")?;
        Ok((rest, ()))
    }

    /// `PATH = attrPath / valuePath [subAttr]` and nothing else; also a known schema URI alone (AMB-26).
    pub(super) fn whole_patch_path<'i>(&self, input: &'i str, into: &mut Option<PatchPath>) -> Parsed<'i, ()> {
        let rest = self.optional_blanks(input);
        if let Some((rest, schema)) = self.whole_schema(rest) {
            *into = Some(PatchPath::Schema(schema));
            return Ok((rest, ()));
        }
        let (rest, path) = self.attribute_path(rest)?;
        let (rest, path) = match self.opening_bracket(rest) {
            None => (rest, PatchPath::Attribute(path)),
            Some(bracket) => {
                let (rest, value_path) = self.value_path(bracket, path, 0, &mut None)?;
                let (rest, sub_attribute) = self.sub_attribute(rest)?;
                (rest, PatchPath::ValuePath { value_path, sub_attribute })
            }
        };
        let rest = self.optional_blanks(rest);
        let expected = match &path {
            PatchPath::ValuePath { sub_attribute: None, .. } => "`.` and a sub-attribute, or the end",
            _ => "the end of the path",
        };
        Self::end(rest, expected)?;
        *into = Some(path);
        Ok((rest, ()))
    }

    /// Terms joined by `and` and `or`, of which `and` binds tighter.
    fn filter<'i>(&self, input: &'i str, depth: usize, scope: Scope, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        let (rest, ()) = self.term(input, depth, scope, into)?;
        match self.connective(rest, scope)? {
            (rest, None) => Ok((rest, ())),
            (rest, Some(connective)) => self.chain(rest, connective, depth, scope, into),
        }
    }

    /// The terms after the first one and its connective.
    #[inline(never)]
    fn chain<'i>(&self, input: &'i str, connective: Connective, depth: usize, scope: Scope, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        let (mut rest, mut connective) = (input, connective);
        let mut conjunction: Vec<Filter> = Vec::new();
        let mut disjunction: Vec<Filter> = Vec::new();
        loop {
            let is_alone = conjunction.is_empty() && connective == Connective::Or;
            if is_alone { &mut disjunction } else { &mut conjunction }.extend(into.take());
            if connective == Connective::Or && !is_alone {
                disjunction.push(join(std::mem::take(&mut conjunction), Connective::And));
            }
            let (after, ()) = self.term(rest, depth, scope, into)?;
            match self.connective(after, scope)? {
                (after, Some(next)) => (rest, connective) = (after, next),
                (after, None) => {
                    rest = after;
                    break;
                }
            }
        }
        if !conjunction.is_empty() {
            conjunction.extend(into.take());
            *into = Some(join(conjunction, Connective::And));
        }
        if !disjunction.is_empty() {
            disjunction.extend(into.take());
            *into = Some(join(disjunction, Connective::Or));
        }
        Ok((rest, ()))
    }

    /// `["not" [SP]] "(" filter ")"`, a value path or an attribute expression.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn term<'i>(&self, input: &'i str, depth: usize, scope: Scope, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        // Nearly no term starts with one of these.
        if let Some(b'(' | b'n' | b'N') = input.as_bytes().first() {
            if input.starts_with('(') {
                return self.group(input, depth, scope, into);
            }
            if let Some(group) = self.after_not(input) {
                let (rest, ()) = self.group(group, depth, scope, into)?;
                *into = into.take().map(Filter::negated);
                return Ok((rest, ()));
            }
        }
        let (rest, attribute) = attribute_name(input)?;
        match rest.as_bytes().first() {
            Some(b' ') if !self.options.dialect.allows(Tolerance::FilterWhiteSpace) => {
                self.expression(rest, AttributePath::new(attribute), input, into)
            }
            Some(b'.' | b':') => {
                let (rest, path) = self.longer_path(input, rest, attribute)?;
                self.after_path(rest, path, (input, depth, scope), into)
            }
            _ => self.after_path(rest, AttributePath::new(attribute), (input, depth, scope), into),
        }
    }

    /// What follows the path of a term: brackets or an operator.
    #[inline(never)]
    fn after_path<'i>(
        &self,
        input: &'i str,
        path: AttributePath,
        (start, depth, scope): (&'i str, usize, Scope),
        into: &mut Option<Filter>,
    ) -> Parsed<'i, ()> {
        let Some(bracket) = self.opening_bracket(input) else { return self.expression(input, path, start, into) };
        if scope == Scope::Brackets {
            return Err(Failure::over(bracket, 1, What::Expected("no brackets inside brackets")).fatal());
        }
        let (rest, value_path) = self.value_path(bracket, path, depth, into)?;
        if rest.starts_with('.') && self.tolerates(Tolerance::FilterAfterBrackets) {
            return self.after_value_path(rest, value_path, into);
        }
        *into = Some(Filter::ValuePath(value_path));
        Ok((rest, ()))
    }

    /// The opening bracket of a value path, if it comes next.
    #[inline]
    fn opening_bracket<'i>(&self, input: &'i str) -> Option<&'i str> {
        if input.starts_with('[') {
            return Some(input);
        }
        if self.options.dialect.allows(Tolerance::FilterWhiteSpace) { self.bracket_after_blanks(input) } else { None }
    }

    fn bracket_after_blanks<'i>(&self, input: &'i str) -> Option<&'i str> {
        let bracket = input.trim_start();
        looked_at(input.len() - bracket.len());
        (bracket.starts_with('[') && self.tolerates(Tolerance::FilterWhiteSpace)).then_some(bracket)
    }

    /// `"(" filter ")"`, whose opening parenthesis is known to be there.
    fn group<'i>(&self, input: &'i str, depth: usize, scope: Scope, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        looked_at(1);
        let inside = self.deeper(input, depth)?;
        let (rest, _) = char('(').parse(input)?;
        let rest = self.optional_blanks(rest);
        let (rest, ()) = self.filter(rest, inside, scope, into)?;
        let rest = self.optional_blanks(rest);
        let (rest, _) = expected(rest, ')', "`and`, `or` or `)`")?;
        Ok((rest, ()))
    }

    /// The opening parenthesis after the operator `not`; `None` if `not` is not there or names an attribute.
    fn after_not<'i>(&self, input: &'i str) -> Option<&'i str> {
        let after = strip_word(input, "not")?;
        let group = after.strip_prefix(' ').unwrap_or(after);
        if group.starts_with('(') {
            return Some(group);
        }
        let group = after.trim_start();
        looked_at(after.len() - group.len());
        (group.starts_with('(') && self.tolerates(Tolerance::FilterWhiteSpace)).then_some(group)
    }

    /// `attrPath "[" valFilter "]"`, from the opening bracket on, which is known to be there. The filter is read into `inner`, which is empty.
    fn value_path<'i>(&self, bracket: &'i str, path: AttributePath, depth: usize, inner: &mut Option<Filter>) -> Parsed<'i, ValuePath> {
        if path.sub_attribute.is_some() {
            return Err(Failure::at(bracket, What::Expected("no brackets after a sub-attribute")).fatal());
        }
        let inside = self.deeper(bracket, depth)?;
        let (rest, _) = char('[').parse(bracket)?;
        self.in_brackets.set(true);
        let rest = self.optional_blanks(rest);
        let (rest, ()) = self.filter(rest, inside, Scope::Brackets, inner)?;
        let rest = self.optional_blanks(rest);
        self.in_brackets.set(!rest.is_empty());
        let (rest, _) = expected(rest, ']', "`and`, `or` or `]`")?;
        self.in_brackets.set(false);
        let Some(filter) = inner.take() else { return Err(Failure::at(bracket, What::Expected("a filter")).fatal()) };
        Ok((rest, ValuePath::new(path, filter)))
    }

    /// Leniently, an operator on a sub-attribute of the elements, which becomes a condition in the brackets.
    #[cold]
    fn after_value_path<'i>(&self, input: &'i str, value_path: ValuePath, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        let (rest, sub_attribute) = self.sub_attribute(input)?;
        let ValuePath { path, value_filter } = value_path;
        let mut parts = match *value_filter {
            Filter::And(parts) => parts,
            other => vec![other],
        };
        let (rest, ()) = match sub_attribute {
            Some(sub_attribute) => self.expression(rest, AttributePath::new(sub_attribute), input, into)?,
            None => (rest, ()),
        };
        parts.extend(into.take());
        *into = Filter::and(parts).map(|filter| Filter::ValuePath(ValuePath::new(path, filter)));
        Ok((rest, ()))
    }

    /// `SP "pr" / SP compareOp SP compValue`, after the path that starts at `start`.
    #[inline(never)]
    fn expression<'i>(&self, input: &'i str, path: AttributePath, start: &str, into: &mut Option<Filter>) -> Parsed<'i, ()> {
        self.count_term(start)?;
        let Some(rest) = self.blanks(input) else { return Err(no_operator(input, start)) };
        let (operator, after) = match operator(rest) {
            Some((operator, after)) if self.ends_operator(after) => (operator, after),
            _ => return Err(no_operator(rest, start)),
        };
        let Operator::Compare(operator) = operator else {
            *into = Some(Filter::Attribute(AttributeExpression::Present(path)));
            return Ok((after, ()));
        };
        let rest = match self.blanks(after) {
            Some(rest) => rest,
            None if self.tolerates(Tolerance::FilterMissingBlank) => after,
            None => return Err(Failure::at(after, What::Expected("a blank and a value")).fatal()),
        };
        // The shortest way for what nearly every value is.
        if let Some((rest, text)) = self.plain_text(rest) {
            *into = Some(Filter::Attribute(AttributeExpression::Compare { path, operator, value: Literal::from(text) }));
            return Ok((rest, ()));
        }
        let (rest, value) = self.literal(rest)?;
        *into = Some(Filter::Attribute(AttributeExpression::Compare { path, operator, value }));
        Ok((rest, ()))
    }

    /// Whether an operator may end before this.
    #[inline]
    fn ends_operator(&self, rest: &str) -> bool {
        match rest.as_bytes().first() {
            None | Some(b' ') => true,
            Some(b'-' | b'0'..=b'9') => self.options.dialect.allows(Tolerance::FilterMissingBlank),
            Some(byte) => !(byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | b'.' | b':')),
        }
    }

    /// `SP ("and" / "or") SP`, or `None` where the list of terms ends.
    #[inline]
    fn connective<'i>(&self, input: &'i str, scope: Scope) -> Parsed<'i, Option<Connective>> {
        if matches!(input.as_bytes().first(), None | Some(b')' | b']')) {
            return Ok((input, None));
        }
        let Some(word) = self.blanks(input) else { return Ok((input, None)) };
        if matches!(word.as_bytes().first(), None | Some(b')' | b']')) {
            return Ok((input, None));
        }
        let found = match word.as_bytes().first() {
            Some(b'a' | b'A') => strip_word(word, "and").map(|rest| (rest, Connective::And)),
            Some(b'o' | b'O') => strip_word(word, "or").map(|rest| (rest, Connective::Or)),
            _ => None,
        };
        let Some((rest, connective)) = found else {
            let expected = if scope == Scope::Brackets { "`and`, `or` or `]`" } else { "`and` or `or`" };
            return Err(Failure::at(word, What::Expected(expected)).fatal());
        };
        let rest = match self.blanks(rest) {
            Some(rest) => rest,
            None if rest.starts_with('(') && self.tolerates(Tolerance::FilterMissingBlank) => rest,
            None => return Err(Failure::at(rest, What::Expected("a blank and another condition")).fatal()),
        };
        Ok((rest, Some(connective)))
    }

    /// One blank; leniently at least one of any white space.
    #[inline]
    fn blanks<'i>(&self, input: &'i str) -> Option<&'i str> {
        match input.strip_prefix(' ') {
            Some(rest) if !starts_blank(rest) => Some(rest),
            rest => self.more_blanks(input).or(rest),
        }
    }

    /// White space that is not a single blank, if there is some and it is tolerated.
    #[cold]
    fn more_blanks<'i>(&self, input: &'i str) -> Option<&'i str> {
        let rest = input.trim_start();
        looked_at(input.len() - rest.len());
        (rest.len() < input.len() && self.tolerates(Tolerance::FilterWhiteSpace)).then_some(rest)
    }

    /// Nothing; leniently any white space.
    #[inline]
    pub(super) fn optional_blanks<'i>(&self, input: &'i str) -> &'i str {
        if starts_blank(input) { self.more_blanks(input).unwrap_or(input) } else { input }
    }

    pub(super) fn end(rest: &str, expected: &'static str) -> Result<(), nom::Err<Failure>> {
        if rest.is_empty() { Ok(()) } else { Err(Failure::at(rest, What::Expected(expected)).fatal()) }
    }
}

/// Joins at least two filters and takes apart those of the same kind, which stood in parentheses.
fn join(parts: Vec<Filter>, connective: Connective) -> Filter {
    let is_same = |part: &Filter| match connective {
        Connective::And => matches!(part, Filter::And(_)),
        Connective::Or => matches!(part, Filter::Or(_)),
    };
    looked_at(parts.len());
    let parts = if parts.iter().any(is_same) {
        let flat = parts.into_iter().flat_map(|part| match (connective, part) {
            (Connective::And, Filter::And(inner)) | (Connective::Or, Filter::Or(inner)) => inner,
            (_, other) => vec![other],
        });
        flat.collect()
    } else {
        parts
    };
    match connective {
        Connective::And => Filter::And(parts),
        Connective::Or => Filter::Or(parts),
    }
}

/// The operator at the start of a text, and what follows.
#[inline]
fn operator(text: &str) -> Option<(Operator, &str)> {
    let (word, rest) = text.split_at_checked(2)?;
    let &[first, second] = word.as_bytes() else { return None };
    let compare = match [first | 0x20, second | 0x20] {
        [b'p', b'r'] => return Some((Operator::Present, rest)),
        [b'e', b'q'] => CompareOperator::Equal,
        [b'n', b'e'] => CompareOperator::NotEqual,
        [b'c', b'o'] => CompareOperator::Contains,
        [b's', b'w'] => CompareOperator::StartsWith,
        [b'e', b'w'] => CompareOperator::EndsWith,
        [b'g', b't'] => CompareOperator::GreaterThan,
        [b'g', b'e'] => CompareOperator::GreaterOrEqual,
        [b'l', b't'] => CompareOperator::LessThan,
        [b'l', b'e'] => CompareOperator::LessOrEqual,
        _ => return None,
    };
    Some((Operator::Compare(compare), rest))
}

#[cold]
fn no_operator(rest: &str, start: &str) -> nom::Err<Failure> {
    let expected = if strip_word(start, "not").is_some() { "an operator, or `(` after `not`" } else { OPERATOR };
    Failure::at(rest, What::Expected(expected)).fatal()
}

/// What follows a keyword of any case that ends before a blank, a parenthesis or the end.
#[inline]
fn strip_word<'i>(input: &'i str, word: &str) -> Option<&'i str> {
    let (head, rest) = input.split_at_checked(word.len())?;
    let is_word = head.eq_ignore_ascii_case(word);
    (is_word && (rest.is_empty() || rest.starts_with('(') || starts_blank(rest))).then_some(rest)
}

/// Whether white space comes next.
#[inline]
fn starts_blank(text: &str) -> bool {
    match text.as_bytes().first() {
        None => false,
        Some(byte) if byte.is_ascii() => matches!(byte, b' ' | b'\t'..=b'\r'),
        Some(_) => text.starts_with(char::is_whitespace),
    }
}

fn expected<'i>(rest: &'i str, wanted: char, expected: &'static str) -> Parsed<'i, char> {
    char::<_, Failure>(wanted).parse(rest).map_err(|_| Failure::at(rest, What::Expected(expected)).fatal())
}
