//! The document of the switches and the switches themselves.

use scimkit_types::{Dialect, Tolerance};

const DOCUMENT: &str = include_str!("../../../../docs/interop.md");

const PRESETS: [&str; 7] = ["strict", "lenient", "entra", "entra-optscim", "okta", "aws", "ringcentral"];

/// The switches and the presets that a switch is said to be in, in order.
fn documented() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split_once("` | "));
    let presets = |row: &'static str| {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        last.split(", ").filter(|preset| *preset != "none").map(|preset| preset.trim_matches('`')).collect()
    };
    cells.map(|(name, rest)| (name, presets(rest))).collect()
}

#[test]
fn every_switch_is_documented_with_its_presets() {
    let real: Vec<(&str, Vec<&str>)> = Tolerance::ALL
        .into_iter()
        .map(|tolerance| {
            let has = |preset: &&str| preset.parse::<Dialect>().unwrap().allows(tolerance);
            (tolerance.name(), PRESETS.into_iter().filter(has).collect())
        })
        .collect();
    assert_eq!(documented(), real);
}
