//! The tree that an expression is parsed into.

use scimkit_filter::{ParseOptions, PatchPath};
use scimkit_types::{Dialect, Value};

use super::ExpressionOptions;
use crate::functions::Function;
use crate::pattern::Pattern;

/// One node of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Text in quotes, as a value that can be borrowed.
    Text(Value),
    /// A whole number, with the text that it was written as, such as `&HF`.
    Number { text: String, value: i64 },
    /// An attribute of the record; `path` is set when the name is a path such as `emails[type eq "work"].value`.
    Attribute { name: String, path: Option<Box<PatchPath>> },
    /// A bare word.
    Word(Word),
    /// A call of a function.
    Call(CallNode),
    /// Two or more values, one after the other.
    Concat(Vec<Self>),
    /// A comparison.
    Compare { left: Box<Self>, operator: Comparison, right: Box<Self> },
}

impl Node {
    /// An attribute by the text between the brackets.
    pub(crate) fn attribute(name: &str) -> Self {
        let looks_like_path = name.contains(['.', '[', ':']);
        let options = ParseOptions::default().with_dialect(Dialect::FILTER_GRAMMAR);
        let path = looks_like_path.then(|| PatchPath::parse_with(name, &options).ok()).flatten();
        Self::Attribute { name: name.to_owned(), path: path.map(Box::new) }
    }

    /// Visits this node and all below it, parents first. The tree is at most [`super::MAX_DEPTH`] calls deep.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::Text(_) | Self::Number { .. } | Self::Attribute { .. } | Self::Word(_) => {}
            Self::Call(call) => call.arguments.iter().flatten().for_each(|argument| argument.walk(visit)),
            Self::Concat(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Self::Compare { left, right, .. } => {
                left.walk(visit);
                right.walk(visit);
            }
        }
    }
}

/// A call of a function whose name and number of arguments have been checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallNode {
    pub(crate) function: &'static Function,
    /// The arguments; `None` for one that is left out between two commas.
    pub(crate) arguments: Vec<Option<Node>>,
    /// The regular expressions that stand as constants among the arguments.
    pub(crate) patterns: PreparedPatterns,
    /// What computed regular expressions are compiled with.
    pub(crate) options: ExpressionOptions,
}

impl CallNode {
    /// The arguments of which one is the result as it is, for a function that chooses.
    pub(crate) fn branches(&self) -> impl Iterator<Item = &Node> {
        self.arguments.iter().enumerate().filter(|(index, _)| self.function.is_branch(*index)).filter_map(|(_, node)| node.as_ref())
    }
}

/// The regular expressions of a call, by the index of the argument.
pub(crate) type PreparedPatterns = Vec<(usize, Pattern)>;

/// An operator of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// Longer operators come before their beginnings.
    pub(crate) const ALL: [Self; 6] = [Self::NotEqual, Self::GreaterOrEqual, Self::LessOrEqual, Self::Equal, Self::Greater, Self::Less];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    pub(crate) const fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }
}

/// A word that is neither a call nor in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    IgnoreAttributeFlow,
    IgnoreObjectFlow,
    VbTextCompare,
    VbBinaryCompare,
    Unicode,
    Ascii,
    Utf8,
}

impl Word {
    pub(crate) const ALL: [Self; 7] = [
        Self::IgnoreAttributeFlow,
        Self::IgnoreObjectFlow,
        Self::VbTextCompare,
        Self::VbBinaryCompare,
        Self::Unicode,
        Self::Ascii,
        Self::Utf8,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::IgnoreAttributeFlow => "IgnoreAttributeFlow",
            Self::IgnoreObjectFlow => "IgnoreObjectFlow",
            Self::VbTextCompare => "vbTextCompare",
            Self::VbBinaryCompare => "vbBinaryCompare",
            Self::Unicode => "Unicode",
            Self::Ascii => "ASCII",
            Self::Utf8 => "UTF8",
        }
    }
}
