//! What would change in the references of an object, as far as it is known before anything is written.

use scimkit_mapping::{DesiredReference, Operation};
use scimkit_store::Table;
use serde::de::IgnoredAny;

use crate::decide::{Known, Setting};
use crate::error::Result;
use crate::event::PropertyChange;
use crate::judged::{Flow, Judged, ReferenceList, judge};
use crate::records::Link;
use crate::reference_lists::{All, Marked, is_filled, items};
use crate::reference_rows::{Other, ReferenceEdit, whole_key};
use crate::reference_work::{attribute_of, one_target};
use crate::references::{edits_change, flowing, reference_change};
use crate::run::Run;

/// How many references of a list are shown at most, about.
const MOST_SHOWN: usize = 2048;

/// What would change in the references of an object; one that leads to an object that is not linked yet stands with its id in the source.
/// Of a list, what would be removed and added is shown up to a number.
pub(crate) async fn preview(run: &Run<'_>, setting: &Setting<'_>, known: Known<'_>) -> Result<Vec<PropertyChange>> {
    let operation = if known.link.is_some() { Operation::Update } else { Operation::Create };
    let Ok(desired) = setting.desired(known, operation, setting.standing(known).is_err()) else { return Ok(Vec::new()) };
    let object = (setting.mapping.object_type(), known.stored.record.id.as_str());
    let mut changes = Vec::new();
    for reference in desired.references {
        let attribute = attribute_of(known.stored, &reference.source).map(str::to_owned);
        if !reference.is_multi_valued {
            changes.extend(preview_one(run, object, known.link, &reference, attribute.as_deref()).await?);
        } else if let Some(attribute) = attribute {
            changes.extend(preview_list(run, object, known.link, reference, attribute).await?);
        }
    }
    Ok(changes)
}

async fn preview_one(
    run: &Run<'_>,
    object: (&str, &str),
    link: Option<&Link>,
    reference: &DesiredReference,
    attribute: Option<&str>,
) -> Result<Option<PropertyChange>> {
    let (target, missing) = one_target(run, object, attribute).await?;
    let after: Vec<String> = target.into_iter().chain(missing.iter().map(|id| unlinked(id))).collect();
    let before = link.and_then(|link| link.references.get(&reference.target)).cloned().unwrap_or_default();
    let after = flowing(reference, &before, &after);
    Ok((before != after).then(|| reference_change(&reference.target, &before, &after)))
}

async fn preview_list(
    run: &Run<'_>,
    object: (&str, &str),
    link: Option<&Link>,
    desired: DesiredReference,
    attribute: String,
) -> Result<Option<PropertyChange>> {
    let is_known = link.is_some_and(|link| link.knows(&desired.target));
    let is_marked = run.state.get::<IgnoredAny>(Table::Touched, &whole_key(object.0, object.1)).await?.is_some();
    let flow = Flow::of(desired.flow_type, is_known && is_filled(run, object, &desired.target).await?);
    let list = ReferenceList { desired, attribute, flow };
    let mut edits = Vec::new();
    if is_known && !is_marked {
        let mut marked = Marked::new(run, object);
        while edits.len() < MOST_SHOWN {
            let others = marked.next().await?;
            if others.is_empty() {
                break;
            }
            let items = items(run, object, &list, &others).await?;
            take(&mut edits, judge(run, object, &list, items).await?);
        }
    } else {
        let mut all = All::new(run, object, &list);
        while edits.len() < MOST_SHOWN {
            let items = all.next().await?;
            if items.is_empty() {
                break;
            }
            take(&mut edits, judge(run, object, &list, items).await?);
        }
    }
    Ok((!edits.is_empty()).then(|| edits_change(&list.desired.target, &edits)))
}

fn take(edits: &mut Vec<ReferenceEdit>, Judged { edits: some, missing, .. }: Judged) {
    let waiting = missing.into_iter().map(|id| ReferenceEdit { target: unlinked(&id), other: Other::Source(id), is_removed: false });
    edits.extend(some.into_iter().chain(waiting));
}

fn unlinked(id: &str) -> String {
    format!("source:{id}")
}
