//! Scoping filters: which objects a mapping is for.

use std::borrow::Cow;

use scimkit_types::Value;
use serde::Serialize;

use crate::fault::{At, Fault};
use crate::pattern::{Pattern, PatternFault};
use crate::record::SourceRecord;
use crate::schema::{ScopeClause, ScopeFilter};

/// Whether an object is in scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an object is in scope or it is not")]
pub enum ScopeDecision {
    /// It is.
    InScope,
    /// It is not.
    OutOfScope {
        /// The clause of each group that does not hold, without the attribute's value.
        reason: String,
    },
}

/// A scoping filter whose operators are known: groups of which one must hold, each of clauses that must all hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    name: Option<String>,
    clauses: Vec<Clause>,
}

#[derive(Clone, Debug)]
struct Clause {
    at: At,
    attribute: String,
    /// The operator as it was given.
    name: String,
    /// The values as they were given.
    values: Vec<String>,
    test: Test,
}

/// Why an object is in scope or not: every group with every clause, and which of them hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScopeReport {
    /// Whether the object is in scope: there is no group, or one holds.
    pub is_in_scope: bool,
    /// The groups of the filter, but those without clauses, which have no effect.
    pub groups: Vec<GroupReport>,
}

/// Whether a group of a scoping filter holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GroupReport {
    /// The group's name for people.
    pub name: Option<String>,
    /// Whether all clauses hold.
    pub holds: bool,
    /// The clauses.
    pub clauses: Vec<ClauseReport>,
}

/// Whether a clause of a scoping filter holds. The attribute's value is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClauseReport {
    /// The attribute.
    pub attribute: String,
    /// The operator, as it was given.
    pub operator: String,
    /// The values that the attribute is compared with.
    pub values: Vec<String>,
    /// Whether the object has a value of the attribute.
    pub has_value: bool,
    /// Whether the clause holds.
    pub holds: bool,
}

#[derive(Clone, Debug)]
enum Test {
    Equals(Vec<String>),
    NotEquals(Vec<String>),
    IsNull,
    IsNotNull,
    IsTrue,
    IsFalse,
    Matches(Vec<Pattern>),
    MatchesNot(Vec<Pattern>),
    Greater(i64),
    GreaterOrEqual(i64),
    Includes(Vec<String>),
    EndsWith(Vec<String>),
    SharesBit(i64),
    SharesNoBit(i64),
}

impl Scope {
    /// Finds the operators and compiles the patterns; faults are added to the list.
    pub(crate) fn compile(filter: &ScopeFilter, faults: &mut Vec<Fault>) -> Self {
        for (name, groups) in [("inputFilterGroups", &filter.input_filter_groups), ("categoryFilterGroups", &filter.category_filter_groups)]
        {
            if !groups.is_empty() {
                let message = "this kind of scoping filter is not supported, use `groups`";
                faults.push(Fault::at(At::Groups(name), format!("scope.{name}"), message));
            }
        }
        let mut groups = Vec::new();
        for (index, group) in filter.groups.iter().enumerate() {
            let mut clauses = Vec::new();
            for (number, clause) in group.clauses.iter().enumerate() {
                let at = At::Clause { group: index, clause: number };
                match Clause::compile(at, clause) {
                    Ok(clause) => clauses.push(clause),
                    Err(message) => {
                        faults.push(Fault::at(at, at.graph(), message));
                    }
                }
            }
            if !clauses.is_empty() {
                groups.push(Group { name: group.name.clone(), clauses });
            }
        }
        Self { groups }
    }

    pub(crate) fn decide(&self, record: &SourceRecord) -> ScopeDecision {
        let mut failed = Vec::new();
        for group in &self.groups {
            match group.clauses.iter().find(|clause| !clause.holds(record)) {
                None => return ScopeDecision::InScope,
                Some(clause) => failed.push(format!("`{} {}` does not hold", clause.attribute, clause.name)),
            }
        }
        if failed.is_empty() { ScopeDecision::InScope } else { ScopeDecision::OutOfScope { reason: failed.join("; ") } }
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.places().map(|(_, attribute)| attribute)
    }

    /// The attributes of the clauses, with their places.
    pub(crate) fn places(&self) -> impl Iterator<Item = (At, &str)> {
        self.groups.iter().flat_map(|group| &group.clauses).map(|clause| (clause.at, clause.attribute.as_str()))
    }

    pub(crate) fn explain(&self, record: &SourceRecord) -> ScopeReport {
        let clause = |clause: &Clause| ClauseReport {
            attribute: clause.attribute.clone(),
            operator: clause.name.clone(),
            values: clause.values.clone(),
            has_value: record.value(&clause.attribute).elements().iter().filter_map(text).any(|text| !text.is_empty()),
            holds: clause.holds(record),
        };
        let group = |group: &Group| {
            let clauses: Vec<_> = group.clauses.iter().map(clause).collect();
            GroupReport { name: group.name.clone(), holds: clauses.iter().all(|clause| clause.holds), clauses }
        };
        let groups: Vec<_> = self.groups.iter().map(group).collect();
        ScopeReport { is_in_scope: groups.is_empty() || groups.iter().any(|group| group.holds), groups }
    }
}

impl Clause {
    fn compile(at: At, clause: &ScopeClause) -> Result<Self, String> {
        const UNUSABLE: [&str; 4] = ["members", "manager", "appRoleAssignments", "IsSoftDeleted"];
        let attribute = clause.source_operand_name.trim();
        if attribute.is_empty() {
            return Err("expected the name of an attribute, found none".to_owned());
        }
        if UNUSABLE.iter().any(|name| name.eq_ignore_ascii_case(attribute)) {
            return Err(format!("`{attribute}` cannot be part of a scoping filter"));
        }
        let operator = &clause.operator_name;
        let values = clause.target_operand.as_ref().map_or(&[][..], |operand| operand.values.as_slice());
        let texts = || if values.is_empty() { Err(format!("`{operator}` expected a value, found none")) } else { Ok(values.to_vec()) };
        let number = || match values {
            [value] => value.trim().parse::<i64>().map_err(|_| format!("`{operator}` expected a whole number, found `{value}`")),
            _ => Err(format!("`{operator}` expected one value, found {}", values.len())),
        };
        let patterns = || {
            let compiled = texts()?.into_iter().map(|pattern| {
                // A filter decides who loses access, so it runs on the engine alone whose searches cannot fail.
                Pattern::compile(&pattern, None).map_err(|fault| match fault {
                    PatternFault::Backtracking => format!("a scoping filter has no look-around and no back-references, found `{pattern}`"),
                    fault => format!("{fault}, found `{pattern}`"),
                })
            });
            compiled.collect::<Result<Vec<_>, _>>()
        };
        let plain: String = operator.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect::<String>().to_ascii_uppercase();
        let test = match plain.as_str() {
            "EQUALS" | "EQUAL" => Test::Equals(texts()?),
            "NOTEQUALS" | "NOTEQUAL" => Test::NotEquals(texts()?),
            "ISNULL" => Test::IsNull,
            "ISNOTNULL" => Test::IsNotNull,
            "ISTRUE" => Test::IsTrue,
            "ISFALSE" => Test::IsFalse,
            "REGEXMATCH" => Test::Matches(patterns()?),
            "NOTREGEXMATCH" => Test::MatchesNot(patterns()?),
            "GREATERTHAN" => Test::Greater(number()?),
            "GREATERTHANOREQUALS" | "GREATERTHANOREQUAL" => Test::GreaterOrEqual(number()?),
            "INCLUDES" => Test::Includes(texts()?),
            "ENDSWITH" => Test::EndsWith(texts()?),
            "&" => Test::SharesBit(number()?),
            "!&" => Test::SharesNoBit(number()?),
            _ => return Err(format!("`{operator}` is not an operator of scoping filters")),
        };
        Ok(Self { at, attribute: attribute.to_owned(), name: operator.clone(), values: values.to_vec(), test })
    }

    /// Without a value nothing holds but `IS NULL`. Of several values of an attribute, one must meet a test, and none a negated one.
    fn holds(&self, record: &SourceRecord) -> bool {
        let value = record.value(&self.attribute);
        let texts: Vec<Cow<'_, str>> = value.elements().iter().filter_map(text).filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            return matches!(self.test, Test::IsNull);
        }
        let any = |test: &dyn Fn(&str) -> bool| texts.iter().any(|text| test(text));
        let number = |test: &dyn Fn(i64) -> bool| any(&|text| text.trim().parse().is_ok_and(test));
        match &self.test {
            Test::Equals(values) => any(&|text| values.iter().any(|value| value == text)),
            Test::NotEquals(values) => !any(&|text| values.iter().any(|value| value == text)),
            Test::IsNull => false,
            Test::IsNotNull => true,
            Test::IsTrue => any(&|text| text.eq_ignore_ascii_case("True")),
            Test::IsFalse => any(&|text| text.eq_ignore_ascii_case("False")),
            Test::Matches(patterns) => any(&|text| patterns.iter().any(|pattern| pattern.is_match(text))),
            Test::MatchesNot(patterns) => !any(&|text| patterns.iter().any(|pattern| pattern.is_match(text))),
            Test::Greater(limit) => number(&|value| value > *limit),
            Test::GreaterOrEqual(limit) => number(&|value| value >= *limit),
            Test::Includes(values) => any(&|text| values.iter().any(|value| text.contains(value.as_str()))),
            Test::EndsWith(values) => any(&|text| values.iter().any(|value| text.ends_with(value.as_str()))),
            Test::SharesBit(mask) => number(&|value| value & mask != 0),
            Test::SharesNoBit(mask) => number(&|value| value & mask == 0),
        }
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Boolean(value) => Some(Cow::Borrowed(if *value { "True" } else { "False" })),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::List(_) | Value::Complex(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(clauses: &[(&str, &str, &[&str])]) -> Result<Scope, Vec<Fault>> {
        let mut filter = ScopeFilter::default();
        // Every clause stands in a group of its own.
        for (attribute, operator, values) in clauses {
            let mut group = crate::schema::ScopeGroup::default();
            group.clauses.push(ScopeClause::new(*attribute, *operator, values));
            filter.groups.push(group);
        }
        let mut faults = Vec::new();
        let scope = Scope::compile(&filter, &mut faults);
        if faults.is_empty() { Ok(scope) } else { Err(faults) }
    }

    fn record() -> SourceRecord {
        let mut record = SourceRecord::new("1", "User");
        for (name, value) in [("department", "Sales"), ("grade", "12"), ("flags", "6"), ("empty", "")] {
            record.attributes.insert(name, value);
        }
        record.attributes.insert("accountEnabled", true);
        record
    }

    #[track_caller]
    fn check(attribute: &str, operator: &str, values: &[&str], expected: bool) {
        let decision = compile(&[(attribute, operator, values)]).unwrap().decide(&record());
        assert_eq!(decision == ScopeDecision::InScope, expected, "{attribute} {operator} {values:?}");
    }

    #[test]
    fn operators_hold_as_documented() {
        check("department", "EQUALS", &["Sales"], true);
        check("department", "EQUALS", &["sales"], false);
        check("department", "Not_Equals", &["Sales"], false);
        check("department", "NOT EQUALS", &["Support"], true);
        check("department", "IS NOT NULL", &[], true);
        check("empty", "is null", &[], true);
        check("accountEnabled", "IS TRUE", &[], true);
        check("accountEnabled", "IS FALSE", &[], false);
        check("department", "REGEX MATCH", &["^S.*s$"], true);
        check("department", "NOT REGEX MATCH", &["ale"], false);
        check("grade", "Greater_Than", &["12"], false);
        check("grade", "Greater_Than_OR_EQUALS", &["12"], true);
        check("department", "Greater_Than", &["1"], false);
        check("department", "Includes", &["ale"], true);
        check("department", "ENDS_WITH", &["les"], true);
        check("flags", "&", &["2"], true);
        check("flags", "!&", &["1"], true);
    }

    #[test]
    fn an_object_without_value_fails_every_clause_but_is_null() {
        for operator in ["EQUALS", "NOT EQUALS", "REGEX MATCH", "NOT REGEX MATCH", "INCLUDES", "ENDS WITH"] {
            check("empty", operator, &["x"], false);
            check("absent", operator, &["x"], false);
        }
        for operator in ["IS TRUE", "IS FALSE", "IS NOT NULL"] {
            check("absent", operator, &[], false);
        }
        check("absent", "!&", &["1"], false);
    }

    #[test]
    fn one_group_is_enough_and_the_reason_names_no_value() {
        let scope = compile(&[("department", "EQUALS", &["Support"]), ("grade", "EQUALS", &["12"])]).unwrap();
        assert_eq!(scope.decide(&record()), ScopeDecision::InScope);
        let scope = compile(&[("department", "EQUALS", &["Support"]), ("grade", "Greater_Than", &["20"])]).unwrap();
        let reason = "`department EQUALS` does not hold; `grade Greater_Than` does not hold".to_owned();
        assert_eq!(scope.decide(&record()), ScopeDecision::OutOfScope { reason });
    }

    #[test]
    fn the_report_tells_every_group_and_clause_as_data_and_no_value() {
        let mut filter = ScopeFilter::default();
        let clauses =
            [("department", "EQUALS", &["Support", "Sales"][..]), ("grade", "GREATER THAN", &["20"]), ("absent", "NOT EQUALS", &["x"])];
        let mut group = crate::schema::ScopeGroup { name: Some("sellers".to_owned()), ..crate::schema::ScopeGroup::default() };
        group.clauses = clauses.iter().map(|(attribute, operator, values)| ScopeClause::new(*attribute, *operator, values)).collect();
        let mut other = crate::schema::ScopeGroup::default();
        other.clauses.push(ScopeClause::new("accountEnabled", "IS TRUE", &[]));
        filter.groups = vec![group, other, crate::schema::ScopeGroup::default()];
        let mut faults = Vec::new();
        let scope = Scope::compile(&filter, &mut faults);
        assert_eq!(faults, []);
        let report = serde_json::to_value(scope.explain(&record())).unwrap();
        let clause = |attribute: &str, operator: &str, values: &[&str], has_value: bool, holds: bool| serde_json::json!({"attribute": attribute, "operator": operator, "values": values, "hasValue": has_value, "holds": holds});
        let expected = serde_json::json!({
            "isInScope": true,
            "groups": [
                {"name": "sellers", "holds": false, "clauses": [
                    clause("department", "EQUALS", &["Support", "Sales"], true, true),
                    clause("grade", "GREATER THAN", &["20"], true, false),
                    clause("absent", "NOT EQUALS", &["x"], false, false),
                ]},
                {"name": null, "holds": true, "clauses": [clause("accountEnabled", "IS TRUE", &[], true, true)]},
            ],
        });
        assert_eq!(report, expected);
        let nobody = SourceRecord::new("2", "User");
        assert!(!scope.explain(&nobody).is_in_scope);
        assert!(Scope::default().explain(&nobody).is_in_scope, "without a filter everybody is in scope");
    }

    #[test]
    fn every_faulty_clause_is_named() {
        let faults = compile(&[
            ("members", "EQUALS", &["x"]),
            ("a", "SOUNDS LIKE", &["x"]),
            ("a", "GREATER THAN", &["x"]),
            ("a", "REGEX MATCH", &["("]),
            ("a", "EQUALS", &[]),
        ])
        .unwrap_err();
        assert_eq!(faults.len(), 5);
        assert_eq!(faults[1].to_string(), "scope.groups[1].clauses[0]: `SOUNDS LIKE` is not an operator of scoping filters");
    }
}
