//! From the parameters of a request to a query that fits its resource type (RFC 7644 section 3.4.2).

use percent_encoding::percent_decode_str;
use scimkit_filter::{
    AttributeExpression, AttributePath, CompareOperator, Filter, Limits, Node, Operand, ParseOptions, ResolveError, ResolvedFilter,
    ResolvedPath,
};
use scimkit_store::Sort;
use scimkit_types::{
    AttributeType, Dialect, ErrorResponse, Projection, ResourceType, Returned, ScimType, SearchRequest, SortOrder, Tolerance,
};

use crate::config::Config;
use crate::handler::Search;
use crate::tenant::Rules;

type Result<T, E = ErrorResponse> = std::result::Result<T, E>;

/// Reads the parameters of a GET. Unknown parameters are ignored (R7644-3.4.2-01), a known one that comes twice is refused.
///
/// `+` stands for a blank (AMB-10).
pub(crate) fn parse(query: &str) -> Result<SearchRequest> {
    let mut request = SearchRequest::default();
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(known) = decode(name).ok().and_then(|name| KNOWN.iter().find(|known| name.eq_ignore_ascii_case(known))) else {
            continue;
        };
        if seen.contains(known) {
            return Err(invalid(format!("expected parameter `{known}` once, found it twice")));
        }
        seen.push(known);
        let value = decode(value).map_err(|()| invalid(format!("expected UTF-8 in parameter `{known}`")))?;
        match *known {
            "attributes" => request.attributes = names(&value),
            "excludedAttributes" => request.excluded_attributes = names(&value),
            "filter" => request.filter = Some(value),
            "sortBy" => request.sort_by = Some(value),
            "sortOrder" => request.sort_order = Some(sort_order(&value)?),
            "startIndex" => request.start_index = Some(integer(known, &value)?),
            "cursor" => request.cursor = Some(value),
            "count" => request.count = Some(integer(known, &value)?),
            _ => {}
        }
    }
    Ok(request)
}

const KNOWN: [&str; 8] = ["attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"];

fn decode(text: &str) -> std::result::Result<String, ()> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| ())
}

/// R7644-3.9-05: names are trimmed.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn sort_order(text: &str) -> Result<SortOrder> {
    match text {
        "ascending" => Ok(SortOrder::Ascending),
        "descending" => Ok(SortOrder::Descending),
        _ => Err(invalid(format!("expected `ascending` or `descending` in parameter `sortOrder`, found `{text}`"))),
    }
}

/// R7644-3.4.2.4-07. A number beyond 64 bits is as good as the largest one.
fn integer(name: &str, text: &str) -> Result<i64> {
    use std::num::IntErrorKind;
    text.trim().parse::<i64>().or_else(|error| match error.kind() {
        IntErrorKind::PosOverflow => Ok(i64::MAX),
        IntErrorKind::NegOverflow => Ok(i64::MIN),
        _ => Err(invalid(format!("expected an integer in parameter `{name}`, found `{text}`"))),
    })
}

fn invalid(detail: String) -> ErrorResponse {
    ErrorResponse::of(ScimType::InvalidValue, detail)
}

/// The attributes that a request wants to see.
pub(crate) fn projection(config: &Config, resource_type: &ResourceType, request: &SearchRequest) -> Result<Projection> {
    Projection::new(&config.catalog, resource_type, &request.attributes, &request.excluded_attributes)
        .map_err(|error| invalid(error.to_string()))
}

/// What becomes of attributes that a resource type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// They are refused (AMB-06).
    Refused,
    /// They have no value, for queries over several types (R7644-3.4.2.1-04).
    WithoutValue,
}

/// Makes a query fit a resource type; tells which tolerances were needed.
pub(crate) fn resolve(
    config: &Config,
    rules: &Rules,
    resource_type: &ResourceType,
    request: &SearchRequest,
) -> Result<(Search, Vec<Tolerance>)> {
    let (search, needed) = resolve_with(config, rules, resource_type, request, Unknown::Refused)?;
    Ok((search, needed.tolerances().collect()))
}

/// A query for each resource type.
pub(crate) type Searches<'c> = Vec<(&'c ResourceType, Search)>;

/// Makes a query fit all resource types; tells which tolerances were needed. Each type is sorted by itself.
pub(crate) fn resolve_all<'c>(config: &'c Config, rules: &Rules, request: &SearchRequest) -> Result<(Searches<'c>, Vec<Tolerance>)> {
    let (mut searches, mut needed) = (Vec::new(), Dialect::STRICT);
    for resource_type in config.catalog.resource_types() {
        let (search, needed_here) = resolve_with(config, rules, resource_type, request, Unknown::WithoutValue)?;
        searches.push((resource_type, search));
        needed = needed.union(needed_here);
    }
    // What no type can be sorted by is refused as for a single one.
    if searches.iter().all(|(_, search)| search.sort.is_none())
        && let Some((resource_type, _)) = searches.first()
    {
        sort(config, rules, resource_type, request, Unknown::Refused)?;
    }
    Ok((searches, needed.tolerances().collect()))
}

/// Whether no resource of the type can meet the filter, so that it need not be searched.
pub(crate) fn excludes(node: &Node, resource_type: &ResourceType) -> bool {
    match node {
        Node::And(nodes) => nodes.iter().any(|node| excludes(node, resource_type)),
        Node::Or(nodes) => nodes.iter().all(|node| excludes(node, resource_type)),
        Node::Constant(value) => !value,
        Node::Compare { path, operator: CompareOperator::Equal, operand: Operand::Text { text, .. } } => {
            name_of(path).eq_ignore_ascii_case("meta.resourceType") && !text.eq_ignore_ascii_case(&resource_type.name)
        }
        Node::Not(_) | Node::Present(_) | Node::Compare { .. } | Node::Element { .. } => false,
    }
}

fn resolve_with(
    config: &Config,
    rules: &Rules,
    resource_type: &ResourceType,
    request: &SearchRequest,
    unknown: Unknown,
) -> Result<(Search, Dialect)> {
    let (filter, needed) = match &request.filter {
        Some(text) => {
            let (filter, needed) = filter(config, rules, resource_type, text, unknown)?;
            (Some(filter), needed)
        }
        None => (None, Dialect::STRICT),
    };
    let paging = &config.profile.paging;
    let wanted = request.count.map_or(paging.default_count, |count| u64::try_from(count).unwrap_or(0));
    let search = Search {
        filter,
        sort: sort(config, rules, resource_type, request, unknown)?,
        start_index: request.start_index.and_then(|index| u64::try_from(index).ok()).unwrap_or(1).max(1),
        after: None,
        count: wanted.min(paging.max_count),
        projection: projection(config, resource_type, request)?,
    };
    Ok((search, needed))
}

fn filter(config: &Config, rules: &Rules, resource_type: &ResourceType, text: &str, unknown: Unknown) -> Result<(ResolvedFilter, Dialect)> {
    let refuse = |detail: String| ErrorResponse::of(ScimType::InvalidFilter, detail);
    if !config.profile.features.filter {
        return Err(refuse("this service has no filters".to_owned()));
    }
    let (filter, written) = Filter::parse_reporting(text, &parse_options(config, rules)).map_err(|error| {
        let span = error.span();
        refuse(format!("the filter cannot be read at byte {}: {error}", span.start))
    })?;
    let filter = with_aliases(config, filter);
    // What the standard has for queries over several types is no deviation.
    let standard = match unknown {
        Unknown::WithoutValue => Dialect::STRICT.with(Tolerance::UnknownInFilter),
        Unknown::Refused => Dialect::STRICT,
    };
    let (resolved, meant) =
        filter.resolve_reporting(&config.catalog, resource_type, rules.dialect.union(standard)).map_err(|error| refuse_resolved(&error))?;
    if let Some(attribute) = first_unfilterable(config, resource_type, resolved.root()) {
        return Err(refuse(format!("this service cannot filter by `{attribute}`")));
    }
    let needed = written.union(meant);
    let needed = standard.tolerances().fold(needed, Dialect::without);
    Ok((resolved, needed))
}

/// R7644-7.5.2-02, AMB-35: what is never shown cannot be searched by.
fn refuse_resolved(error: &ResolveError) -> ErrorResponse {
    let scim_type = if matches!(error, ResolveError::Sensitive { .. }) { ScimType::Sensitive } else { ScimType::InvalidFilter };
    ErrorResponse::of(scim_type, error.to_string())
}

fn parse_options<'c>(config: &'c Config, rules: &Rules) -> ParseOptions<'c> {
    let mut limits = Limits::default();
    if let Some(length) = rules.limits.max_filter_length {
        limits = limits.with_length(usize::try_from(length).unwrap_or(usize::MAX));
    }
    if let Some(terms) = rules.limits.max_filter_terms {
        limits = limits.with_terms(usize::try_from(terms).unwrap_or(usize::MAX));
    }
    ParseOptions::default().with_catalog(&config.catalog).with_dialect(rules.dialect).with_limits(limits)
}

/// Replaces the names that the profile lists as other names of attributes; the tree is as deep as the parser allows.
fn with_aliases(config: &Config, filter: Filter) -> Filter {
    if config.filter_aliases.is_empty() {
        return filter;
    }
    let all = |filters: Vec<Filter>| filters.into_iter().map(|filter| with_aliases(config, filter)).collect();
    let alias = |path: AttributePath| {
        let is_plain = path.schema.is_none() && path.sub_attribute.is_none();
        let found = config.filter_aliases.iter().find(|(name, _)| is_plain && path.attribute == **name);
        found.map_or(path, |(_, target)| target.clone())
    };
    match filter {
        Filter::And(filters) => Filter::And(all(filters)),
        Filter::Or(filters) => Filter::Or(all(filters)),
        Filter::Not(inner) => Filter::Not(Box::new(with_aliases(config, *inner))),
        Filter::Attribute(AttributeExpression::Present(path)) => Filter::Attribute(AttributeExpression::Present(alias(path))),
        Filter::Attribute(AttributeExpression::Compare { path, operator, value }) => {
            Filter::Attribute(AttributeExpression::Compare { path: alias(path), operator, value })
        }
        Filter::ValuePath(value_path) => Filter::ValuePath(value_path),
    }
}

/// The first attribute that the profile does not allow in a filter. `type` and `primary` may choose among the elements of an attribute
/// whose `value` may be compared.
fn first_unfilterable(config: &Config, resource_type: &ResourceType, node: &Node) -> Option<String> {
    let can_filter = |name: &str| config.profile.can_filter(&resource_type.name, name);
    let refused = |path: &ResolvedPath| {
        let name = name_of(path);
        let short = name.strip_suffix(".value").unwrap_or(&name);
        (!can_filter(&name) && !can_filter(short)).then_some(name)
    };
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().find_map(|node| first_unfilterable(config, resource_type, node)),
        Node::Not(inner) => first_unfilterable(config, resource_type, inner),
        Node::Present(path) | Node::Compare { path, .. } => refused(path),
        Node::Element { path, filter } => {
            let mut inner = Vec::new();
            collect_names(filter, &mut inner);
            let selects = |name: &str| name.eq_ignore_ascii_case("type") || name.eq_ignore_ascii_case("primary");
            let has_other = inner.iter().any(|name| !selects(name));
            inner.iter().filter(|name| !(has_other && selects(name))).find_map(|name| {
                let name = format!("{}.{name}", name_of(path));
                (!can_filter(&name)).then_some(name)
            })
        }
        Node::Constant(_) => None,
    }
}

fn collect_names(node: &Node, names: &mut Vec<String>) {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| collect_names(node, names)),
        Node::Not(inner) => collect_names(inner, names),
        Node::Present(path) | Node::Compare { path, .. } | Node::Element { path, .. } => names.push(path.attribute.to_string()),
        Node::Constant(_) => {}
    }
}

/// A path as it is written, such as `urn:…:User:manager.value`.
pub(crate) fn name_of(path: &ResolvedPath) -> String {
    let mut name = path.extension.as_ref().map_or_else(String::new, |uri| format!("{uri}:"));
    name.push_str(path.attribute.as_str());
    if let Some(sub_attribute) = &path.sub_attribute {
        name.push('.');
        name.push_str(sub_attribute.as_str());
    }
    name
}

/// AMB-22: without the feature, the parameters are ignored.
fn sort(config: &Config, rules: &Rules, resource_type: &ResourceType, request: &SearchRequest, unknown: Unknown) -> Result<Option<Sort>> {
    let Some(text) = request.sort_by.as_deref().filter(|_| config.profile.features.sort) else { return Ok(None) };
    let refuse = |what: &str| invalid(format!("expected an attribute to sort by in `sortBy`, {what}"));
    let path = AttributePath::parse_with(text, &parse_options(config, rules)).map_err(|error| refuse(&error.to_string()))?;
    let (path, attribute) = match scimkit_filter::resolve_path(&path, &config.catalog, resource_type) {
        Ok(found) => found,
        Err(ResolveError::UnknownAttribute { .. }) if unknown == Unknown::WithoutValue => return Ok(None),
        Err(error) => return Err(refuse(&error.to_string())),
    };
    if path.type_ == AttributeType::Complex {
        return Err(refuse(&format!("found `{}`, which has sub-attributes", name_of(&path))));
    }
    // The order of results would tell what is never shown.
    if attribute.returned == Returned::Never {
        return Err(refuse(&format!("found `{}`, which is never returned", name_of(&path))));
    }
    Ok(Some(Sort::new(path, request.sort_order.unwrap_or_default())))
}

/// R7644-3.4.2.1-03: a query that finds more than the service is willing to process.
pub(crate) fn check_total(rules: &Rules, total: u64) -> Result<()> {
    match rules.limits.max_results {
        Some(limit) if total > limit => {
            Err(ErrorResponse::of(ScimType::TooMany, format!("expected at most {limit} results, found more; use a narrower filter")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn detail(query: &str) -> String {
        let error = parse(query).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        error.detail
    }

    /// AMB-10: a plus is a blank, `%2B` a plus; R7644-1.2-01: decoded once.
    #[test]
    fn parameters_are_decoded_once() {
        let filter = |query: &str| parse(query).unwrap().filter.unwrap();
        assert_eq!(filter("filter=userName+eq+%22a%2Bb%22"), r#"userName eq "a+b""#);
        assert_eq!(filter("filter=a%2520b"), "a%20b");
        assert_eq!(filter("foo=1&filter=x%26y&&bar"), "x&y");
    }

    /// R7644-3.9-05: names are separated by commas and trimmed.
    #[test]
    fn attribute_lists_are_split_and_trimmed() {
        let request = parse("attributes=userName,+emails.value+,,&excludedAttributes=").unwrap();
        assert_eq!(request.attributes, ["userName", "emails.value"]);
        assert!(request.excluded_attributes.is_empty());
    }

    /// R7644-3.4.2.4-07, R7644-3.4.2.3-05, IR27: a number that is none is the client's fault.
    #[test]
    fn faulty_parameters_are_named() {
        assert_eq!(detail("count=abc"), "expected an integer in parameter `count`, found `abc`");
        assert_eq!(detail("startIndex="), "expected an integer in parameter `startIndex`, found ``");
        assert_eq!(detail("sortOrder=up"), "expected `ascending` or `descending` in parameter `sortOrder`, found `up`");
        assert_eq!(detail("filter=%FF"), "expected UTF-8 in parameter `filter`");
        assert_eq!(detail("filter=a&Filter=b"), "expected parameter `filter` once, found it twice");
    }

    #[test]
    fn a_number_beyond_64_bits_is_the_largest_one() {
        assert_eq!(parse("count=99999999999999999999").unwrap().count, Some(i64::MAX));
    }
}
