//! Text to tree.

use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, multispace0};
use nom::combinator::{opt, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::{delimited, pair, preceded};
use nom::{Err, IResult, Parser};
use scimkit_types::Value;

use super::error::{ExpressionError, ExpressionErrorKind};
use super::node::{CallNode, Comparison, Node, Word};
use super::{ExpressionOptions, MAX_DEPTH, MAX_LENGTH};
use crate::functions;

/// Parses a whole text.
pub(super) fn parse(input: &str, options: &ExpressionOptions) -> Result<Node, ExpressionError> {
    if input.chars().nth(MAX_LENGTH).is_some() {
        let kind = ExpressionErrorKind::Limit { what: "length", limit: MAX_LENGTH };
        return Err(ExpressionError::new(kind, 0..0, ""));
    }
    let result = delimited(multispace0, |rest| expression(rest, Level { depth: MAX_DEPTH, options }), multispace0).parse(input);
    let failure = match result {
        Ok(("", node)) => return Ok(node),
        Ok((rest, _)) => Failure::expected(rest, "an operator or the end"),
        Err(Err::Error(failure) | Err::Failure(failure)) => failure,
        Err(Err::Incomplete(_)) => Failure::expected("", "an expression"),
    };
    let start = input.len().saturating_sub(failure.rest);
    Err(ExpressionError::new(failure.kind, start..(start + failure.length).min(input.len()), input))
}

/// How deep calls may still nest, and what they are made with.
#[derive(Clone, Copy)]
struct Level<'o> {
    depth: usize,
    options: &'o ExpressionOptions,
}

impl Level<'_> {
    fn below(self) -> Option<Self> {
        Some(Self { depth: self.depth.checked_sub(1)?, ..self })
    }
}

type Parsed<'a, T> = IResult<&'a str, T, Failure>;

/// What is wrong, and where, counted from the end of the input.
#[derive(Debug)]
struct Failure {
    kind: ExpressionErrorKind,
    rest: usize,
    length: usize,
}

impl Failure {
    fn expected(rest: &str, expected: &'static str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let piece: String = rest.get(..word.max(first)).unwrap_or_default().chars().take(32).collect();
        let length = piece.len();
        let found = if piece.is_empty() { "the end".to_owned() } else { format!("`{piece}`") };
        Self { kind: ExpressionErrorKind::Expected { expected, found }, rest: rest.len(), length }
    }

    const fn at(rest: &str, length: usize, kind: ExpressionErrorKind) -> Self {
        Self { kind, rest: rest.len(), length }
    }
}

impl<'a> ParseError<&'a str> for Failure {
    fn from_error_kind(input: &'a str, _: ErrorKind) -> Self {
        Self::expected(input, "an expression")
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

const fn fail<T>(failure: Failure) -> Parsed<'static, T> {
    Err(Err::Failure(failure))
}

fn expect<'a>(input: &'a str, c: char, expected: &'static str) -> Parsed<'a, char> {
    let result: Parsed<'a, char> = char(c).parse(input);
    result.map_err(|_| Err::Failure(Failure::expected(input, expected)))
}

/// `expression = concat [ ( "=" / "<>" / ">" / ">=" / "<" / "<=" ) concat ]`
fn expression<'a>(input: &'a str, level: Level<'_>) -> Parsed<'a, Node> {
    let (rest, left) = concat(input, level)?;
    let (after_blanks, ()) = blanks(rest)?;
    for operator in Comparison::ALL {
        let (rest, found) = opt(tag(operator.as_str())).parse(after_blanks)?;
        if found.is_some() {
            let (rest, right) = preceded(multispace0, |rest| concat(rest, level)).parse(rest)?;
            return Ok((rest, Node::Compare { left: Box::new(left), operator, right: Box::new(right) }));
        }
    }
    Ok((rest, left))
}

/// `concat = primary *( "&" primary )`
fn concat<'a>(input: &'a str, level: Level<'_>) -> Parsed<'a, Node> {
    let (mut rest, first) = primary(input, level)?;
    let mut parts = vec![first];
    while let (after, Some(_)) = opt(delimited(multispace0, char('&'), multispace0)).parse(rest)? {
        let (after, part) = primary(after, level)?;
        parts.push(part);
        rest = after;
    }
    let node = if parts.len() > 1 { Node::Concat(parts) } else { parts.pop().unwrap_or(Node::Text(Value::Null)) };
    Ok((rest, node))
}

fn blanks(input: &str) -> Parsed<'_, ()> {
    multispace0.parse(input).map(|(rest, _)| (rest, ()))
}

/// `primary = string / number / hexnumber / attribute / call / bareword`
fn primary<'a>(input: &'a str, level: Level<'_>) -> Parsed<'a, Node> {
    match input.chars().next() {
        Some('"') => string(input),
        Some('[') => attribute(input),
        Some('-' | '0'..='9') => number(input),
        Some('&') => hex_number(input),
        Some(c) if c.is_alphabetic() => call_or_word(input, level),
        _ => fail(Failure::expected(input, "a value such as `[mail]`, `\"text\"`, `7` or a function")),
    }
}

/// `string = DQUOTE *( char / "\\" / "\" DQUOTE ) DQUOTE`; a backslash before any other character stays.
fn string(input: &str) -> Parsed<'_, Node> {
    let mut text = String::new();
    let mut chars = input.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((input.get(at + 1..).unwrap_or_default(), Node::Text(Value::from(text)))),
            '\\' => text.push(chars.next_if(|(_, c)| matches!(c, '"' | '\\')).map_or('\\', |(_, c)| c)),
            other => text.push(other),
        }
    }
    fail(Failure::expected("", "`\"` that ends the text"))
}

/// `attribute = "[" name "]"`; brackets inside nest, and text in quotes inside is passed over.
fn attribute(input: &str) -> Parsed<'_, Node> {
    let mut open = 0_usize;
    let mut is_quoted = false;
    for (at, c) in input.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => open += 1,
            ']' if !is_quoted => open -= 1,
            c if c.is_control() => return fail(Failure::expected(input.get(at..).unwrap_or_default(), "`]`")),
            _ => {}
        }
        if open == 0 {
            let name = input.get(1..at).unwrap_or_default().trim();
            if name.is_empty() {
                return fail(Failure::expected(input.get(at..).unwrap_or_default(), "the name of an attribute"));
            }
            return Ok((input.get(at + 1..).unwrap_or_default(), Node::attribute(name)));
        }
    }
    fail(Failure::expected("", "`]` after the name of the attribute"))
}

/// `number = [ "-" ] 1*DIGIT`
fn number(input: &str) -> Parsed<'_, Node> {
    let digits = recognize(pair(opt(char('-')), take_while1(|c: char| c.is_ascii_digit())));
    let (rest, text) = literal(digits, input)?;
    text.parse().map_or_else(
        |_| fail(Failure::at(input, text.len(), out_of_range(text))),
        |value| Ok((rest, Node::Number { text: text.to_owned(), value })),
    )
}

/// `hexnumber = "&H" 1*HEXDIG`
fn hex_number(input: &str) -> Parsed<'_, Node> {
    let digits = recognize(pair(tag("&H"), take_while1(|c: char| c.is_ascii_hexdigit())));
    let (rest, text) = literal(digits, input)?;
    i64::from_str_radix(text.get(2..).unwrap_or_default(), 16).map_or_else(
        |_| fail(Failure::at(input, text.len(), out_of_range(text))),
        |value| Ok((rest, Node::Number { text: text.to_owned(), value })),
    )
}

fn literal<'a>(mut parser: impl Parser<&'a str, Output = &'a str, Error = Failure>, input: &'a str) -> Parsed<'a, &'a str> {
    let (rest, text) = parser.parse(input).map_err(|_: Err<Failure>| Err::Failure(Failure::expected(input, "a whole number")))?;
    if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_')) {
        return fail(Failure::expected(rest, "the end of the number"));
    }
    Ok((rest, text))
}

fn out_of_range(text: &str) -> ExpressionErrorKind {
    ExpressionErrorKind::Expected { expected: "a whole number of at most 64 bits", found: format!("`{text}`") }
}

/// `call = name "(" [ argument *( "," argument ) ] ")"`, or one of the words that stand alone.
fn call_or_word<'a>(input: &'a str, level: Level<'_>) -> Parsed<'a, Node> {
    let (rest, name) = take_while(|c: char| c.is_alphanumeric() || c == '_').parse(input)?;
    let (after_blanks, ()) = blanks(rest)?;
    if !after_blanks.starts_with('(') {
        let word = Word::ALL.into_iter().find(|word| word.as_str() == name);
        return word.map_or_else(
            || fail(Failure::expected(input, "a value such as `[mail]`, `\"text\"`, `7` or a function with its arguments")),
            |word| Ok((rest, Node::Word(word))),
        );
    }
    let Some(level) = level.below() else {
        return fail(Failure::at(input, name.len(), ExpressionErrorKind::Limit { what: "depth", limit: MAX_DEPTH }));
    };
    let Some(function) = functions::find(name) else {
        let kind = ExpressionErrorKind::UnknownFunction { name: name.to_owned(), suggestion: functions::nearest(name) };
        return fail(Failure::at(input, name.len(), kind));
    };
    let (rest, _) = expect(after_blanks, '(', "`(`")?;
    let (rest, arguments) = arguments(rest, level)?;
    match CallNode::new(function, arguments, level.options) {
        Ok(call) => Ok((rest, Node::Call(call))),
        Err(kind) => fail(Failure::at(input, name.len(), kind)),
    }
}

/// The arguments up to the closing parenthesis; one that is left out is `None`.
fn arguments<'a>(input: &'a str, level: Level<'_>) -> Parsed<'a, Vec<Option<Node>>> {
    let (mut rest, ()) = blanks(input)?;
    let mut arguments = Vec::new();
    if let Some(rest) = rest.strip_prefix(')') {
        return Ok((rest, arguments));
    }
    loop {
        if rest.starts_with([',', ')']) {
            arguments.push(None);
        } else {
            let (after, argument) = expression(rest, level)?;
            arguments.push(Some(argument));
            rest = after;
        }
        rest = blanks(rest)?.0;
        if let Some(rest) = rest.strip_prefix(')') {
            return Ok((rest, arguments));
        }
        rest = expect(rest, ',', "`,` or `)`")?.0;
        rest = blanks(rest)?.0;
    }
}

impl CallNode {
    /// A call, if the function takes these arguments.
    pub(crate) fn new(
        function: &'static functions::Function,
        arguments: Vec<Option<Node>>,
        options: &ExpressionOptions,
    ) -> Result<Self, ExpressionErrorKind> {
        let found = arguments.len();
        let is_complete = arguments.iter().take(function.required).filter(|argument| argument.is_some()).count() == function.required;
        if !is_complete || found < function.least || found > function.most || (function.is_even && !found.is_multiple_of(2)) {
            let expected = function.usage();
            return Err(ExpressionErrorKind::ArgumentCount { function: function.name, expected, found });
        }
        let patterns = functions::prepare_patterns(function, &arguments, options)?;
        Ok(Self { function, arguments, patterns, options: options.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Expression;

    #[track_caller]
    fn check(text: &str, message: &str, marked: &str) {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.input().get(error.span()).unwrap(), marked);
    }

    #[test]
    fn errors_point_at_the_place() {
        check("Join(\" \", [a]", "expected `,` or `)`, found the end", "");
        check("Join(\" \", [a)", "expected `]` after the name of the attribute, found the end", "");
        check("Jion(\" \", [a])", "`Jion` is not a function; did you mean `Join`?", "Jion");
        check("mail", "expected a value such as `[mail]`, `\"text\"`, `7` or a function with its arguments, found `mail`", "mail");
        check("[mail] [x]", "expected an operator or the end, found `[`", "[");
        check("Left([a])", "`Left` takes 2 arguments, found 1", "Left");
        check("12a", "expected the end of the number, found `a`", "a");
        check("99999999999999999999", "expected a whole number of at most 64 bits, found `99999999999999999999`", "99999999999999999999");
        check("[]", "expected the name of an attribute, found `]`", "]");
        check("\"a", "expected `\"` that ends the text, found the end", "");
        check("", "expected a value such as `[mail]`, `\"text\"`, `7` or a function, found the end", "");
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(Expression::parse(&format!("\"{}\"", "a".repeat(9_998))).is_ok());
        assert!(Expression::parse(&format!("\"{}\"", "å".repeat(9_999))).is_err());
        let nested = |depth| format!("{}\"a\"{}", "Trim(".repeat(depth), ")".repeat(depth));
        assert!(Expression::parse(&nested(64)).is_ok());
        assert_eq!(Expression::parse(&nested(65)).unwrap_err().to_string(), "the depth is over the limit of 64");
    }

    #[test]
    fn white_space_is_free_and_arguments_may_be_left_out() {
        let tidy = |text: &str| Expression::parse(text).unwrap().to_string();
        assert_eq!(tidy(" Replace ( [a] ,,\n\"\\+(x)\",\t, \"\", , ) "), r#"Replace([a], , "\\+(x)", , "", , )"#);
        assert_eq!(tidy("ToLower([a],)"), "ToLower([a], )");
        assert_eq!(tidy("IIF([a]=\"x\",\"t-\"&[b],[c])"), r#"IIF([a] = "x", "t-" & [b], [c])"#);
        assert_eq!(tidy("[emails[type eq \"work\"].value]"), "[emails[type eq \"work\"].value]");
        assert_eq!(tidy("BitAnd(&HF, -1)"), "BitAnd(&HF, -1)");
    }
}
