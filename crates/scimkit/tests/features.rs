//! The crate page and the manifest tell of the same features.

const MANIFEST: &str = include_str!("../Cargo.toml");
const PAGE: &str = include_str!("../src/lib.rs");

/// The names at the start of the lines of a section of the manifest.
fn declared(section: &str) -> Vec<&'static str> {
    let lines = MANIFEST.lines().skip_while(|line| *line != section).skip(1).take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once(" = ").map(|(name, _)| name)).filter(|name| *name != "default").collect()
}

#[test]
fn every_feature_is_in_the_table_and_nothing_else() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut described: Vec<&str> = rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name).collect();
    let mut features = declared("[features]");
    described.sort_unstable();
    features.sort_unstable();
    assert_eq!(described, features);
}

#[test]
fn no_feature_is_on_by_default() {
    assert!(MANIFEST.lines().any(|line| line == "default = []"));
}
