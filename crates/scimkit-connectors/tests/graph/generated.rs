use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scimkit_connectors::graph::{GraphOptions, GraphSource, RecordedPages};
use scimkit_example_directory::{Directory, Options, generate};
use scimkit_provisioning::{Position, Source, SourceChange, SourceChangeKind, SourceErrorKind};

fn directory(people: usize, groups: usize) -> (tempfile::TempDir, Directory) {
    let directory = generate(&Options { people, groups, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    directory.write_to(folder.path()).unwrap();
    (folder, directory)
}

fn source(pages: &RecordedPages, directory: &Directory) -> GraphSource {
    GraphSource::new(Arc::new(pages.clone()), GraphOptions::new(directory.service_principal_id())).unwrap()
}

/// Reads to the end of a round.
async fn round(source: &GraphSource, object_type: &str, mut position: Option<Position>) -> (Vec<SourceChange>, Position) {
    let mut changes = Vec::new();
    loop {
        let page = source.read(object_type, position.as_ref()).await.unwrap();
        changes.extend(page.changes);
        if page.is_last {
            return (changes, page.next);
        }
        position = Some(page.next);
    }
}

/// Reads all pages of the assignments: how many pages and assignments there are.
async fn assigned(source: &GraphSource) -> (usize, usize) {
    let (mut pages, mut assignments, mut after) = (0, 0, None);
    loop {
        let page = source.assignments(after.as_ref()).await.unwrap();
        (pages, assignments) = (pages + 1, assignments + page.assignments.len());
        after = page.next;
        if after.is_none() {
            return (pages, assignments);
        }
    }
}

fn ids(changes: &[SourceChange]) -> BTreeSet<&str> {
    changes.iter().map(|change| change.id.as_str()).collect()
}

#[tokio::test]
async fn every_size_is_read_whole() {
    for (people, groups) in [(20, 3), (500, 20), (2_500, 45)] {
        let (folder, directory) = directory(people, groups);
        let pages = RecordedPages::open(folder.path(), 1).unwrap();
        let source = source(&pages, &directory);
        let (users, _) = round(&source, "User", None).await;
        let (found, _) = round(&source, "Group", None).await;
        assert_eq!((ids(&users).len(), ids(&found).len()), (people, groups));
        let files = directory.files().iter().filter(|file| file.path.starts_with("initial/assignments"));
        let written = files.clone().map(|file| file.text.matches("\"principalId\"").count()).sum();
        assert_eq!(assigned(&source).await, (files.count(), written));
        assert!(people < 2_500 || written > 100, "several pages");
    }
}

#[tokio::test]
async fn nothing_comes_until_the_next_round_is_released() {
    let (folder, directory) = directory(500, 20);
    let pages = RecordedPages::open(folder.path(), 1).unwrap();
    let source = source(&pages, &directory);
    let (_, first_day) = round(&source, "User", None).await;
    let (changes, still) = round(&source, "User", Some(first_day.clone())).await;
    assert_eq!((changes.len(), &still), (0, &first_day), "the same link again");
    let (_, assigned_before) = assigned(&source).await;

    assert!(pages.release_next_round());
    assert!(!pages.release_next_round(), "there are two rounds");
    let (changes, second_day) = round(&source, "User", Some(still)).await;
    assert!(changes.iter().any(|change| change.kind == SourceChangeKind::SoftDeleted));
    assert!(changes.iter().any(|change| change.kind == SourceChangeKind::Deleted));
    assert_eq!(assigned(&source).await.1, assigned_before + 1, "a joiner");
    assert_eq!(round(&source, "User", Some(second_day)).await.0, []);
}

/// A process that stored a position goes on there after it was started again, whatever was released by then.
#[tokio::test]
async fn stored_position_goes_on_after_a_restart() {
    let (folder, directory) = directory(20, 3);
    let (_, first_day) = round(&source(&RecordedPages::open(folder.path(), 1).unwrap(), &directory), "Group", None).await;

    let restarted = RecordedPages::open(folder.path(), 2).unwrap();
    let (changes, second_day) = round(&source(&restarted, &directory), "Group", Some(first_day)).await;
    assert!(!changes.is_empty());

    let behind = source(&RecordedPages::open(folder.path(), 1).unwrap(), &directory);
    assert_eq!(round(&behind, "Group", Some(second_day.clone())).await, (Vec::new(), second_day));
}

#[tokio::test]
async fn members_of_a_split_group_are_all_told() {
    let (folder, directory) = directory(500, 20);
    let source = source(&RecordedPages::open(folder.path(), 1).unwrap(), &directory);
    let (groups, _) = round(&source, "Group", None).await;
    let mut entries: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for change in &groups {
        let SourceChangeKind::Present { references, .. } = &change.kind else { panic!("a group is gone") };
        assert!(references.iter().all(|reference| reference.attribute == "members" && !reference.is_removed));
        entries.entry(&change.id).or_default().push(references.len());
    }
    let largest = entries.values().max_by_key(|sizes| sizes.iter().sum::<usize>()).unwrap();
    assert!(largest.len() > 1 && largest.iter().sum::<usize>() > 200, "{largest:?}");
}

#[tokio::test]
async fn link_of_another_directory_is_too_old() {
    let (folder, directory) = directory(20, 3);
    let source = source(&RecordedPages::open(folder.path(), 1).unwrap(), &directory);
    let foreign = Position::new(r#"{"link": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=unknown"}"#);
    let error = source.read("User", Some(&foreign)).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::PositionExpired);
}
