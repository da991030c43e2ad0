//! Which mapping a planned change comes from, why the value is so, and why somebody is disabled or deleted.

use scimkit_mapping::{Operation, Trace, TraceOutcome};

use crate::decide::{Known, Setting};
use crate::event::PropertyChange;
use crate::records::Action;

/// Says of each change which mappings it comes from; and gives why the object is to be disabled or deleted, unless only a mapping says so.
pub(crate) fn explain(setting: &Setting<'_>, known: Known<'_>, action: &Action, changes: &mut [PropertyChange]) -> Option<String> {
    let operation = if matches!(action, Action::Create { .. }) { Operation::Create } else { Operation::Update };
    let traces = setting.trace(known, operation);
    for change in changes {
        let sources: Vec<&Trace> = traces.iter().filter(|trace| is_part_of(&trace.target, &change.name)).collect();
        change.mappings = sources.iter().map(|trace| format!("{} -> {}", trace.source, trace.target)).collect();
        let mut reasons: Vec<&str> = sources.iter().map(|trace| why(&trace.outcome)).collect();
        reasons.dedup();
        change.why = (!reasons.is_empty()).then(|| reasons.join("; "));
    }
    setting.standing(known).err().filter(|_| action.removes()).map(|reason| reason.text)
}

/// Whether a mapping's target stands in the attribute of a change: `emails[type eq "work"].value` in `emails`.
fn is_part_of(target: &str, name: &str) -> bool {
    let Some((head, rest)) = target.split_at_checked(name.len()) else { return false };
    head.eq_ignore_ascii_case(name) && (rest.is_empty() || rest.starts_with(['[', '.', ':']))
}

const fn why(outcome: &TraceOutcome) -> &'static str {
    match outcome {
        TraceOutcome::Values(_) => "the mapping gives this value",
        TraceOutcome::Default(_) => "the source has no value, so the mapping's default is taken",
        TraceOutcome::References(_) => "the source refers to these objects",
        TraceOutcome::Cleared => "the source has no value any more, and the mapping clears it",
        TraceOutcome::LeftOut { reason } => reason,
        TraceOutcome::ObjectIgnored => "an expression says that the object is left alone",
        TraceOutcome::Failed(_) => "the mapping cannot give a value",
        _ => "the mapping says so",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_part_of_its_attribute() {
        for (target, name, is_part) in [
            ("userName", "username", true),
            (r#"emails[type eq "work"].value"#, "emails", true),
            ("name.givenName", "name.givenName", true),
            ("urn:x:User:department", "urn:x:User:department", true),
            ("displayName", "display", false),
            ("title", "titles", false),
        ] {
            assert_eq!(is_part_of(target, name), is_part, "{target} {name}");
        }
    }
}
