//! Filters: terms, their connectives and their grouping.

use nom::Parser as _;
use nom::bytes::complete::take_while;
use nom::character::complete::char;

use super::failure::{Failure, What};
use super::{Parsed, Parser, Scope, bytes_while};
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
        let (rest, _) = self.optional_blanks(input)?;
        let (rest, filter) = self.filter(rest, 0, Scope::Filter)?;
        let (rest, _) = self.optional_blanks(rest)?;
        Self::end(rest, "`and`, `or` or the end")?;
        Ok((rest, filter))
    }

    /// `PATH = attrPath / valuePath [subAttr]` and nothing else; also a known schema URI alone (AMB-26).
    pub(super) fn whole_patch_path<'i>(&self, input: &'i str) -> Parsed<'i, PatchPath> {
        let (rest, _) = self.optional_blanks(input)?;
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
        let (rest, _) = self.optional_blanks(rest)?;
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
        let (mut rest, mut current, mut next) = (input, first, Some(connective));
        let mut conjunction: Vec<Filter> = Vec::new();
        let mut disjunction: Vec<Filter> = Vec::new();
        while let Some(connective) = next {
            let (after, term) = self.term(rest, depth, scope)?;
            let done = std::mem::replace(&mut current, term);
            match connective {
                Connective::And => conjunction.push(done),
                Connective::Or => disjunction.push(conjoin(&mut conjunction, done)),
            }
            (rest, next) = self.connective(after, scope)?;
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
        if input.starts_with('(') {
            return self.group(input, depth, scope);
        }
        if let Some(group) = self.after_not(input) {
            let (rest, inner) = self.group(group, depth, scope)?;
            return Ok((rest, Filter::Not(Box::new(inner))));
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
        let bracket = if self.is_lenient() { input.trim_start() } else { input };
        bracket.starts_with('[').then_some(bracket)
    }

    /// `"(" filter ")"`, whose opening parenthesis is known to be there.
    fn group<'i>(&self, input: &'i str, depth: usize, scope: Scope) -> Parsed<'i, Filter> {
        let inside = self.deeper(input, depth)?;
        let (rest, _) = char('(').parse(input)?;
        let (rest, _) = self.optional_blanks(rest)?;
        let (rest, filter) = self.filter(rest, inside, scope)?;
        let (rest, _) = self.optional_blanks(rest)?;
        let (rest, _) = expected(rest, ')', "`and`, `or` or `)`")?;
        Ok((rest, filter))
    }

    /// The opening parenthesis after the operator `not`; `None` if `not` is not there or names an attribute.
    fn after_not<'i>(&self, input: &'i str) -> Option<&'i str> {
        // Nearly no term starts so.
        if !input.starts_with(['n', 'N']) {
            return None;
        }
        let after = strip_word(input, "not")?;
        let group = if self.is_lenient() { after.trim_start() } else { after.strip_prefix(' ').unwrap_or(after) };
        group.starts_with('(').then_some(group)
    }

    /// `attrPath "[" valFilter "]"`, from the opening bracket on, which is known to be there.
    fn value_path<'i>(&self, bracket: &'i str, path: AttributePath, depth: usize) -> Parsed<'i, ValuePath> {
        if path.sub_attribute.is_some() {
            return Err(Failure::at(bracket, What::Expected("no brackets after a sub-attribute")).fatal());
        }
        let inside = self.deeper(bracket, depth)?;
        let (rest, _) = char('[').parse(bracket)?;
        self.in_brackets.set(true);
        let (rest, _) = self.optional_blanks(rest)?;
        let (rest, filter) = self.filter(rest, inside, Scope::Brackets)?;
        let (rest, _) = self.optional_blanks(rest)?;
        self.in_brackets.set(!rest.is_empty());
        let (rest, _) = expected(rest, ']', "`and`, `or` or `]`")?;
        self.in_brackets.set(false);
        Ok((rest, ValuePath::new(path, filter)))
    }

    /// Leniently, an operator on a sub-attribute of the elements, which becomes a condition in the brackets.
    #[inline]
    fn after_value_path<'i>(&self, input: &'i str, value_path: ValuePath) -> Parsed<'i, Filter> {
        if !self.is_lenient() || !input.starts_with('.') {
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
        let wrong = |rest: &str| {
            let expected = if strip_word(start, "not").is_some() { "an operator, or `(` after `not`" } else { OPERATOR };
            Failure::at(rest, What::Expected(expected)).fatal()
        };
        let rest = self.blanks(input).ok_or_else(|| wrong(input))?;
        let (after, word) = bytes_while(rest, |byte| byte.is_ascii_alphabetic())?;
        let operator = operator(word).filter(|_| self.ends_operator(after)).ok_or_else(|| wrong(rest))?;
        let Operator::Compare(operator) = operator else {
            return Ok((after, Filter::Attribute(AttributeExpression::Present(path))));
        };
        let rest = match self.blanks(after) {
            Some(rest) => rest,
            None if self.is_lenient() => after,
            None => return Err(Failure::at(after, What::Expected("a blank and a value")).fatal()),
        };
        let (rest, value) = self.literal(rest)?;
        Ok((rest, Filter::Attribute(AttributeExpression::Compare { path, operator, value })))
    }

    /// Whether an operator may end before this.
    fn ends_operator(&self, rest: &str) -> bool {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$' | '.' | ':');
        !rest.starts_with(|c| is_word(c) && !(self.is_lenient() && (c == '-' || c.is_ascii_digit())))
    }

    /// `SP ("and" / "or") SP`, or `None` where the list of terms ends.
    fn connective<'i>(&self, input: &'i str, scope: Scope) -> Parsed<'i, Option<Connective>> {
        let word = if self.is_lenient() { input.trim_start() } else { input.strip_prefix(' ').unwrap_or(input) };
        if word.len() == input.len() || word.is_empty() || word.starts_with([')', ']']) {
            return Ok((input, None));
        }
        let found = match (strip_word(word, "and"), strip_word(word, "or")) {
            (Some(rest), _) => Some((rest, Connective::And)),
            (_, Some(rest)) => Some((rest, Connective::Or)),
            _ => None,
        };
        let Some((rest, connective)) = found else {
            let expected = if scope == Scope::Brackets { "`and`, `or` or `]`" } else { "`and` or `or`" };
            return Err(Failure::at(word, What::Expected(expected)).fatal());
        };
        let rest = match (self.is_lenient(), rest.strip_prefix(' ')) {
            (true, _) => rest.trim_start(),
            (false, Some(rest)) => rest,
            (false, None) => return Err(Failure::at(rest, What::Expected("a blank and another condition")).fatal()),
        };
        Ok((rest, Some(connective)))
    }

    /// One blank; leniently at least one of any white space.
    fn blanks<'i>(&self, input: &'i str) -> Option<&'i str> {
        let rest = if self.is_lenient() { input.trim_start() } else { input.strip_prefix(' ').unwrap_or(input) };
        (rest.len() < input.len()).then_some(rest)
    }

    /// Nothing; leniently any white space.
    pub(super) fn optional_blanks<'i>(&self, input: &'i str) -> Parsed<'i, &'i str> {
        if self.is_lenient() { take_while(char::is_whitespace).parse(input) } else { Ok((input, "")) }
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

fn operator(word: &str) -> Option<Operator> {
    let &[first, second] = word.as_bytes() else { return None };
    let compare = match [first.to_ascii_lowercase(), second.to_ascii_lowercase()] {
        [b'p', b'r'] => return Some(Operator::Present),
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
    Some(Operator::Compare(compare))
}

/// What follows a keyword of any case that ends before a blank, a parenthesis or the end.
fn strip_word<'i>(input: &'i str, word: &str) -> Option<&'i str> {
    let rest = input.get(word.len()..)?;
    let is_word = input.get(..word.len())?.eq_ignore_ascii_case(word);
    let ends = rest.is_empty() || rest.starts_with(|c: char| c == '(' || c.is_whitespace());
    (is_word && ends).then_some(rest)
}

fn expected<'i>(rest: &'i str, wanted: char, expected: &'static str) -> Parsed<'i, char> {
    char::<_, Failure>(wanted).parse(rest).map_err(|_| Failure::at(rest, What::Expected(expected)).fatal())
}
