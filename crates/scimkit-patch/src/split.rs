//! Operations in portions that a service accepts.

use scimkit_types::{OperationKind, PatchOperation, Value};

/// Splits operations into requests of at most `max_operations` operations that name at most `max_members` elements each.
///
/// The requests are to be sent in order. A list that is longer than `max_members` is itself split: `add` and `remove` into several of
/// the same kind, `replace` into one and further `add`s. So are lists inside a value without path, which become operations of their own.
/// An operation without a list counts as one element if it selects elements by a filter, else as none. A limit of 0 is taken as 1.
pub fn split(operations: Vec<PatchOperation>, max_operations: usize, max_members: usize) -> Vec<Vec<PatchOperation>> {
    split_where(operations, max_operations, max_members, |_| true)
}

/// As [`split`], but of lists only those at paths for which `can_divide` holds come in portions.
pub(crate) fn split_where(
    operations: Vec<PatchOperation>,
    max_operations: usize,
    max_members: usize,
    can_divide: impl Fn(&str) -> bool,
) -> Vec<Vec<PatchOperation>> {
    let (max_operations, max_members) = (max_operations.max(1), max_members.max(1));
    let mut requests: Vec<Vec<PatchOperation>> = Vec::new();
    let mut members = 0;
    let single = operations.into_iter().flat_map(|operation| extract(operation, max_members, &can_divide));
    for operation in single.flat_map(|operation| portions(operation, max_members, &can_divide)) {
        let weight = weight(&operation);
        match requests.last_mut() {
            Some(request) if request.len() < max_operations && members + weight <= max_members => {
                request.push(operation);
                members += weight;
            }
            _ => {
                requests.push(vec![operation]);
                members = weight;
            }
        }
    }
    requests
}

/// How many elements the operation names.
fn weight(operation: &PatchOperation) -> usize {
    match &operation.value {
        Some(Value::List(values)) => values.len(),
        Some(Value::Complex(members)) if operation.path.is_none() => {
            members.iter().map(|(_, value)| value.as_list().map_or(0, <[Value]>::len)).sum()
        }
        _ => usize::from(operation.path.as_ref().is_some_and(|path| path.contains('['))),
    }
}

/// Takes the lists out of a value without path if they are too long together.
fn extract(operation: PatchOperation, max_members: usize, can_divide: &impl Fn(&str) -> bool) -> Vec<PatchOperation> {
    if operation.path.is_some() || weight(&operation) <= max_members {
        return vec![operation];
    }
    let PatchOperation { kind, value: Some(Value::Complex(members)), .. } = operation else { return vec![operation] };
    let (mut rest, mut lists) = (scimkit_types::ComplexValue::new(), Vec::new());
    for (name, value) in members {
        if matches!(value, Value::List(_)) && can_divide(&name) {
            lists.push(PatchOperation::new(kind, Some(name), Some(value)));
        } else {
            rest.insert(name, value);
        }
    }
    if !rest.is_empty() {
        lists.insert(0, PatchOperation::new(kind, None, Some(Value::Complex(rest))));
    }
    lists
}

fn portions(operation: PatchOperation, max_members: usize, can_divide: &impl Fn(&str) -> bool) -> Vec<PatchOperation> {
    let PatchOperation { kind, path, value, .. } = operation;
    let mut rest = match value {
        Some(Value::List(values)) if values.len() > max_members && path.as_deref().is_some_and(can_divide) => values,
        value => return vec![PatchOperation::new(kind, path, value)],
    };
    let mut portions: Vec<PatchOperation> = Vec::new();
    while !rest.is_empty() {
        let tail = rest.split_off(rest.len().min(max_members));
        let kind = if portions.is_empty() || kind != OperationKind::Replace { kind } else { OperationKind::Add };
        portions.push(PatchOperation::new(kind, path.clone(), Some(Value::List(rest))));
        rest = tail;
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(count: usize) -> Value {
        Value::List((0..count).map(|index| Value::Complex([("value", Value::from(index.to_string()))].into_iter().collect())).collect())
    }

    fn lengths(requests: &[Vec<PatchOperation>]) -> Vec<Vec<usize>> {
        requests.iter().map(|request| request.iter().map(weight).collect()).collect()
    }

    #[test]
    fn long_lists_are_split_and_replace_goes_on_as_add() {
        let path = || Some("members".to_owned());
        let operations = vec![PatchOperation::new(OperationKind::Replace, path(), Some(members(250)))];
        let requests = split(operations, 10, 100);
        assert_eq!(lengths(&requests), [[100], [100], [50]]);
        let kinds: Vec<_> = requests.iter().flatten().map(|operation| operation.kind).collect();
        assert_eq!(kinds, [OperationKind::Replace, OperationKind::Add, OperationKind::Add]);
    }

    #[test]
    fn operations_and_members_are_both_limited() {
        let remove = |id: usize| PatchOperation::new(OperationKind::Remove, Some(format!("members[value eq \"{id}\"]")), None);
        assert_eq!(lengths(&split((0..5).map(remove).collect(), 2, 100)), [vec![1, 1], vec![1, 1], vec![1]]);
        assert_eq!(lengths(&split((0..5).map(remove).collect(), 100, 3)), [vec![1, 1, 1], vec![1, 1]]);
        assert!(split(Vec::new(), 0, 0).is_empty());
    }

    #[test]
    fn lists_leave_a_value_without_path_when_they_are_too_long() {
        let value = Value::Complex([("displayName", Value::from("A")), ("members", members(3))].into_iter().collect());
        let requests = split(vec![PatchOperation::new(OperationKind::Add, None, Some(value))], 10, 2);
        assert_eq!(lengths(&requests), [vec![0, 2], vec![1]]);
    }
}
