//! Prints what criterion measured last as ratios: how many times as long another crate took as scimkit did for the same.
//!
//! `ratios [--cases] [folder]`: the folder is `target/criterion` unless it is given. Of each group one line a crate: the geometric mean over
//! the cases that both did and that the other did right, and the least of them. With `--cases`, also each case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Nanoseconds by group, case and crate.
type Figures = BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>;

const OURS: &str = "scimkit";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, folders): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let folder = folders.first().map_or_else(default_folder, PathBuf::from);
    let mut figures = Figures::new();
    collect(&folder, &mut figures)?;
    for (group, cases) in &figures {
        println!("{group}: {} cases", cases.len());
        print_group(cases);
        if flags.iter().any(|flag| flag == "--cases") {
            print_cases(cases);
        }
    }
    Ok(())
}

fn default_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    target.join("criterion")
}

/// Reads the newest estimate of every benchmark below a folder.
fn collect(folder: &Path, figures: &mut Figures) -> Result<(), Box<dyn std::error::Error>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let (about, estimates) = (path.join("benchmark.json"), path.join("estimates.json"));
        if path.ends_with("new") && about.is_file() && estimates.is_file() {
            let read = |path: &Path| -> Result<serde_json::Value, Box<dyn std::error::Error>> {
                Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
            };
            let (about, estimates) = (read(&about)?, read(&estimates)?);
            let text = |name: &str| about[name].as_str().unwrap_or("-").to_owned();
            let nanoseconds = estimates["median"]["point_estimate"].as_f64().unwrap_or(f64::NAN);
            figures.entry(text("group_id")).or_default().entry(text("value_str")).or_default().insert(text("function_id"), nanoseconds);
        } else {
            collect(&path, figures)?;
        }
    }
    Ok(())
}

fn print_group(cases: &BTreeMap<String, BTreeMap<String, f64>>) {
    let mut ratios: BTreeMap<&str, Vec<(f64, &str)>> = BTreeMap::new();
    let mut fastest = Vec::new();
    for (case, crates) in cases {
        let Some(ours) = crates.get(OURS) else { continue };
        let others = || crates.iter().filter(|(name, _)| *name != OURS);
        for (name, theirs) in others() {
            ratios.entry(name).or_default().push((theirs / ours, case));
        }
        let right = others().filter(|(name, _)| !name.ends_with("(wrong)")).map(|(_, theirs)| theirs / ours);
        if let Some(least) = right.min_by(f64::total_cmp) {
            fastest.push((least, case.as_str()));
        }
    }
    ratios.insert("fastest right one of each case", fastest);
    for (name, mut ratios) in ratios {
        ratios.sort_by(|left, right| left.0.total_cmp(&right.0));
        let Some((least, case)) = ratios.first() else { continue };
        let count = u32::try_from(ratios.len()).map_or(f64::MAX, f64::from);
        let mean = (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / count).exp();
        println!("  {name:<34} {mean:>8.2} ×   least {least:>7.2} × ({case}), {} cases", ratios.len());
    }
}

fn print_cases(cases: &BTreeMap<String, BTreeMap<String, f64>>) {
    for (case, crates) in cases {
        let Some(ours) = crates.get(OURS) else { continue };
        let others = crates.iter().filter(|(name, _)| *name != OURS);
        let others: Vec<String> = others.map(|(name, theirs)| format!("{name} {:.2} ×", theirs / ours)).collect();
        println!("    {case:<28} {ours:>9.0} ns   {}", others.join(", "));
    }
}
