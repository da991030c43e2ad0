//! A resolved filter made into something else, from its leaves up.

use crate::ast::CompareOperator;
use crate::resolve::{Node, Operand, ResolvedFilter, ResolvedPath};

/// A translation: what each kind of [`Node`] becomes, its parts being translated already.
///
/// The parts come in the order of the filter. Where a path is relative to the elements of an attribute, `parent` is that attribute; else
/// it is `None`. Nothing has a default, so that a translation says something about every kind of node.
///
/// ```
/// use std::convert::Infallible;
///
/// use scimkit_filter::{CompareOperator, Filter, Fold, Operand, ResolvedPath};
/// use scimkit_types::{Catalog, Dialect};
///
/// /// Says in words what is looked for.
/// struct Words;
///
/// impl Fold for Words {
///     type Output = String;
///     type Error = Infallible;
///
///     fn and(&mut self, parts: Vec<String>) -> Result<String, Infallible> {
///         Ok(parts.join(" and "))
///     }
///
///     fn or(&mut self, parts: Vec<String>) -> Result<String, Infallible> {
///         Ok(format!("either {}", parts.join(" or ")))
///     }
///
///     fn not(&mut self, part: String) -> Result<String, Infallible> {
///         Ok(format!("not {part}"))
///     }
///
///     fn constant(&mut self, value: bool) -> Result<String, Infallible> {
///         Ok(if value { "anything" } else { "nothing" }.to_owned())
///     }
///
///     fn present(&mut self, _: Option<&ResolvedPath>, path: &ResolvedPath) -> Result<String, Infallible> {
///         Ok(format!("some {}", path.to_attribute_path()))
///     }
///
///     fn compare(
///         &mut self,
///         parent: Option<&ResolvedPath>,
///         path: &ResolvedPath,
///         operator: CompareOperator,
///         operand: &Operand,
///     ) -> Result<String, Infallible> {
///         let of = parent.map_or_else(String::new, |parent| format!(" of {}", parent.attribute));
///         Ok(match operand {
///             Operand::Text { text, .. } => format!("{}{of} {operator} {text}", path.to_attribute_path()),
///             other => format!("{}{of} {operator} {other:?}", path.to_attribute_path()),
///         })
///     }
///
///     fn element(&mut self, _: Option<&ResolvedPath>, path: &ResolvedPath, part: String) -> Result<String, Infallible> {
///         Ok(format!("one of {} with {part}", path.to_attribute_path()))
///     }
/// }
///
/// let catalog = Catalog::standard();
/// let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
/// let filter = Filter::parse(r#"title pr and emails[type eq "work" and value ew ".org"]"#)?;
/// let words = filter.resolve(&catalog, user_type, Dialect::STRICT)?.fold(&mut Words)?;
/// assert_eq!(words, "some title and one of emails with type of emails eq work and value of emails ew .org");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Fold {
    /// What a node becomes.
    type Output;
    /// Why a node cannot be translated; `std::convert::Infallible` if every one can.
    type Error;

    /// All parts hold.
    ///
    /// # Errors
    /// The translation has no such thing; the same goes for the other functions.
    fn and(&mut self, parts: Vec<Self::Output>) -> Result<Self::Output, Self::Error>;

    /// At least one part holds.
    ///
    /// # Errors
    /// See [`and`](Self::and).
    fn or(&mut self, parts: Vec<Self::Output>) -> Result<Self::Output, Self::Error>;

    /// The part does not hold. Two-valued: this holds whenever the part is not true.
    ///
    /// # Errors
    /// See [`and`](Self::and).
    fn not(&mut self, part: Self::Output) -> Result<Self::Output, Self::Error>;

    /// Always or never.
    ///
    /// # Errors
    /// See [`and`](Self::and).
    fn constant(&mut self, value: bool) -> Result<Self::Output, Self::Error>;

    /// The attribute has a value; see [`Node::Present`].
    ///
    /// # Errors
    /// See [`and`](Self::and).
    fn present(&mut self, parent: Option<&ResolvedPath>, path: &ResolvedPath) -> Result<Self::Output, Self::Error>;

    /// Some value of the attribute compares so; see [`Node::Compare`] for no value and for `NotEqual`.
    ///
    /// # Errors
    /// See [`and`](Self::and).
    fn compare(
        &mut self,
        parent: Option<&ResolvedPath>,
        path: &ResolvedPath,
        operator: CompareOperator,
        operand: &Operand,
    ) -> Result<Self::Output, Self::Error>;

    /// Some element of the attribute meets the part; see [`Node::Element`].
    ///
    /// # Errors
    /// See [`and`](Self::and).
    fn element(&mut self, parent: Option<&ResolvedPath>, path: &ResolvedPath, part: Self::Output) -> Result<Self::Output, Self::Error>;
}

impl ResolvedFilter {
    /// Translates the filter, from its leaves up and from left to right; the first error ends it.
    ///
    /// # Errors
    /// What `translation` returns.
    pub fn fold<T: Fold>(&self, translation: &mut T) -> Result<T::Output, T::Error> {
        self.root.fold(translation)
    }
}

impl Node {
    /// Translates the node of a whole filter; see [`ResolvedFilter::fold`].
    ///
    /// # Errors
    /// What `translation` returns.
    pub fn fold<T: Fold>(&self, translation: &mut T) -> Result<T::Output, T::Error> {
        self.fold_in(None, translation)
    }

    // The depth of the recursion is that of the filter, which the parser limits.
    fn fold_in<T: Fold>(&self, parent: Option<&ResolvedPath>, translation: &mut T) -> Result<T::Output, T::Error> {
        match self {
            Self::And(parts) => {
                let parts = parts.iter().map(|part| part.fold_in(parent, translation)).collect::<Result<_, _>>()?;
                translation.and(parts)
            }
            Self::Or(parts) => {
                let parts = parts.iter().map(|part| part.fold_in(parent, translation)).collect::<Result<_, _>>()?;
                translation.or(parts)
            }
            Self::Not(inner) => {
                let inner = inner.fold_in(parent, translation)?;
                translation.not(inner)
            }
            Self::Present(path) => translation.present(parent, path),
            Self::Compare { path, operator, operand } => translation.compare(parent, path, *operator, operand),
            Self::Element { path, filter } => {
                let part = filter.fold_in(Some(path), translation)?;
                translation.element(parent, path, part)
            }
            Self::Constant(value) => translation.constant(*value),
        }
    }
}
