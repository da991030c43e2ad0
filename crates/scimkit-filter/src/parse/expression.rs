//! Filters: terms, their connectives and their grouping.

use nom::Parser as _;
use nom::character::complete::char;
use scimkit_types::Tolerance;

use super::failure::{Failure, What};
use super::{Parsed, Parser, Scope};
use crate::ast::{AttributeExpression, AttributePath, CompareOperator, Filter, PatchPath, ValuePath};

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
    pub(super) fn whole_filter<'i>(&self, input: &'i str) -> Parsed<'i, Filter> {
        let rest = self.optional_blanks(input);
        let (rest, filter) = self.filter(rest, 0, Scope::Filter)?;
        let rest = self.optional_blanks(rest);
        Self::end(rest, "`and`, `or` or the end")?;
        Ok((rest, filter))
    }

    /// `PATH = attrPath / valuePath [subAttr]` and nothing else; also a known schema URI alone (AMB-26).
    pub(super) fn whole_patch_path<'i>(&self, input: &'i str) -> Parsed<'i, PatchPath> {
        let rest = self.optional_blanks(input);
        if let Some((rest, schema)) = self.whole_schema(rest) {
            return Ok((rest, PatchPath::Schema(schema)));
        }
        let (rest, path) = self.attribute_path(rest)?;
        let (rest, path) = match self.opening_bracket(rest) {
            None => (rest, PatchPath::Attribute(path)),
            Some(bracket) => {
                let (rest, value_path) = self.value_path(bracket, path, 0)?;
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
        Ok((rest, path))
    }

    /// Terms joined by `and` and `or`, of which `and` binds tighter.
    fn filter<'i>(&self, input: &'i str, depth: usize, scope: Scope) -> Parsed<'i, Filter> {
        let (rest, first) = self.term(input, depth, scope)?;
        match self.connective(rest, scope)? {
            (rest, None) => Ok((rest, first)),
            (rest, Some(connective)) => self.chain(rest, first, connective, depth, scope),
        }
    }

    /// The terms after the first one and its connective.
    #[inline(never)]
    fn chain<'i>(&self, input: &'i str, first: Filter, connective: Connective, depth: usize, scope: Scope) -> Parsed<'i, Filter> {
        let (mut rest, mut current, mut connective) = (input, first, connective);
        let mut conjunction: Vec<Filter> = Vec::new();
        let mut disjunction: Vec<Filter> = Vec::new();
        loop {
            match connective {
                Connective::And => conjunction.push(current),
                Connective::Or => disjunction.push(conjoin(&mut conjunction, current)),
            }
            (rest, current) = self.term(rest, depth, scope)?;
            match self.connective(rest, scope)? {
                (after, Some(next)) => (rest, connective) = (after, next),
                (after, None) => {
                    rest = after;
                    break;
                }
            }
        }
        let last = conjoin(&mut conjunction, current);
        if disjunction.is_empty() {
            return Ok((rest, last));
        }
        disjunction.push(last);
        Ok((rest, join(disjunction, Connective::Or)))
    }

    /// `["not" [SP]] "(" filter ")"`, a value path or an attribute expression.
    // A filter is some hundred bytes long: inline, it is made where it stays. Without optimization the stack would grow with each level.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn term<'i>(&self, input: &'i str, depth: usize, scope: Scope) -> Parsed<'i, Filter> {
        // Nearly no term starts with one of these.
        if let Some(b'(' | b'n' | b'N') = input.as_bytes().first() {
            if input.starts_with('(') {
                return self.group(input, depth, scope);
            }
            if let Some(group) = self.after_not(input) {
                let (rest, inner) = self.group(group, depth, scope)?;
                return Ok((rest, Filter::Not(Box::new(inner))));
            }
        }
        self.count_term(input)?;
        let (rest, path) = self.attribute_path(input)?;
        let Some(bracket) = self.opening_bracket(rest) else { return self.expression(rest, path, input) };
        if scope == Scope::Brackets {
            return Err(Failure::over(bracket, 1, What::Expected("no brackets inside brackets")).fatal());
        }
        let (rest, value_path) = self.value_path(bracket, path, depth)?;
        self.after_value_path(rest, value_path)
    }

    /// The opening bracket of a value path, if it comes next.
    #[inline]
    fn opening_bracket<'i>(&self, input: &'i str) -> Option<&'i str> {
        if input.starts_with('[') {
            return Some(input);
        }
        let bracket = input.trim_start();
        (bracket.starts_with('[') && self.tolerates(Tolerance::FilterWhiteSpace)).then_some(bracket)
    }

    /// `"(" filter ")"`, whose opening parenthesis is known to be there.
    fn group<'i>(&self, input: &'i str, depth: usize, scope: Scope) -> Parsed<'i, Filter> {
        let inside = self.deeper(input, depth)?;
        let (rest, _) = char('(').parse(input)?;
        let rest = self.optional_blanks(rest);
        let (rest, filter) = self.filter(rest, inside, scope)?;
        let rest = self.optional_blanks(rest);
        let (rest, _) = expected(rest, ')', "`and`, `or` or `)`")?;
        Ok((rest, filter))
    }

    /// The opening parenthesis after the operator `not`; `None` if `not` is not there or names an attribute.
    fn after_not<'i>(&self, input: &'i str) -> Option<&'i str> {
        let after = strip_word(input, "not")?;
        let group = after.strip_prefix(' ').unwrap_or(after);
        if group.starts_with('(') {
            return Some(group);
        }
        let group = after.trim_start();
        (group.starts_with('(') && self.tolerates(Tolerance::FilterWhiteSpace)).then_some(group)
    }

    /// `attrPath "[" valFilter "]"`, from the opening bracket on, which is known to be there.
    fn value_path<'i>(&self, bracket: &'i str, path: AttributePath, depth: usize) -> Parsed<'i, ValuePath> {
        if path.sub_attribute.is_some() {
            return Err(Failure::at(bracket, What::Expected("no brackets after a sub-attribute")).fatal());
        }
        let inside = self.deeper(bracket, depth)?;
        let (rest, _) = char('[').parse(bracket)?;
        self.in_brackets.set(true);
        let rest = self.optional_blanks(rest);
        let (rest, filter) = self.filter(rest, inside, Scope::Brackets)?;
        let rest = self.optional_blanks(rest);
        self.in_brackets.set(!rest.is_empty());
        let (rest, _) = expected(rest, ']', "`and`, `or` or `]`")?;
        self.in_brackets.set(false);
        Ok((rest, ValuePath::new(path, filter)))
    }

    /// Leniently, an operator on a sub-attribute of the elements, which becomes a condition in the brackets.
    #[inline]
    fn after_value_path<'i>(&self, input: &'i str, value_path: ValuePath) -> Parsed<'i, Filter> {
        if !input.starts_with('.') || !self.tolerates(Tolerance::FilterAfterBrackets) {
            return Ok((input, Filter::ValuePath(value_path)));
        }
        self.count_term(input)?;
        let (rest, sub_attribute) = self.sub_attribute(input)?;
        let Some(sub_attribute) = sub_attribute else { return Ok((rest, Filter::ValuePath(value_path))) };
        let (rest, condition) = self.expression(rest, AttributePath::new(sub_attribute), input)?;
        let ValuePath { path, value_filter } = value_path;
        let both = match *value_filter {
            Filter::And(mut parts) => {
                parts.push(condition);
                parts
            }
            other => vec![other, condition],
        };
        Ok((rest, Filter::ValuePath(ValuePath::new(path, Filter::And(both)))))
    }

    /// `SP "pr" / SP compareOp SP compValue`, after the path that starts at `start`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn expression<'i>(&self, input: &'i str, path: AttributePath, start: &str) -> Parsed<'i, Filter> {
        let Some(rest) = self.blanks(input) else { return Err(no_operator(input, start)) };
        let (operator, after) = match operator(rest) {
            Some((operator, after)) if self.ends_operator(after) => (operator, after),
            _ => return Err(no_operator(rest, start)),
        };
        let Operator::Compare(operator) = operator else {
            return Ok((after, Filter::Attribute(AttributeExpression::Present(path))));
        };
        let rest = match self.blanks(after) {
            Some(rest) => rest,
            None if self.tolerates(Tolerance::FilterMissingBlank) => after,
            None => return Err(Failure::at(after, What::Expected("a blank and a value")).fatal()),
        };
        let (rest, value) = self.literal(rest)?;
        Ok((rest, Filter::Attribute(AttributeExpression::Compare { path, operator, value })))
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

/// The collected terms and one more as one filter; the collection is empty afterwards.
fn conjoin(collected: &mut Vec<Filter>, last: Filter) -> Filter {
    if collected.is_empty() {
        return last;
    }
    let mut parts = std::mem::take(collected);
    parts.push(last);
    join(parts, Connective::And)
}

/// Joins at least two filters and takes apart those of the same kind, which stood in parentheses.
fn join(parts: Vec<Filter>, connective: Connective) -> Filter {
    let is_same = |part: &Filter| match connective {
        Connective::And => matches!(part, Filter::And(_)),
        Connective::Or => matches!(part, Filter::Or(_)),
    };
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
