//! How much a parse has to do, counted and not timed.

use std::cell::Cell;

use scimkit_types::{Catalog, Dialect};

use super::{Limits, ParseOptions};
use crate::ast::{AttributePath, Filter, PatchPath};

thread_local! {
    static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn add(count: usize) {
    LOOKED_AT.set(LOOKED_AT.get() + count);
}

/// The bytes and terms that are looked at or moved to read a text as a filter and as both kinds of path, in each dialect, with and
/// without known schemas.
fn work(text: &str) -> usize {
    let catalog = Catalog::standard();
    let limits = Limits { length: usize::MAX, depth: usize::MAX, terms: usize::MAX, value: usize::MAX };
    LOOKED_AT.set(0);
    for dialect in [Dialect::STRICT, Dialect::LENIENT, Dialect::FILTER_GRAMMAR] {
        let options = ParseOptions::default().with_limits(limits).with_dialect(dialect);
        for options in [options, options.with_catalog(&catalog)] {
            // What counts is the way to the end or to the fault, not which of them it is.
            let _ = Filter::parse_with(text, &options);
            let _ = AttributePath::parse_with(text, &options);
            let _ = PatchPath::parse_with(text, &options);
        }
    }
    LOOKED_AT.get()
}

/// R7644-3.4.2.2-24: four times the text takes four times the work, and no byte is looked at more than a few times.
#[test]
fn work_is_linear_in_the_length() {
    let joined = |part: &str, by: &str, count: usize| vec![part; count].join(by);
    let shapes: [(&str, &dyn Fn(usize) -> String); 22] = [
        ("and", &|n| joined(r#"userName eq "x""#, " and ", n)),
        ("or", &|n| joined("title pr", " or ", n)),
        ("both", &|n| joined(r#"a eq 1 and b pr or c ne "x""#, " or ", n)),
        ("groups", &|n| joined("(a pr and (b pr or c pr))", " and ", n)),
        ("same groups", &|n| joined("(a pr and (b pr and c pr))", " and ", n)),
        ("nested", &|n| "(".repeat(n) + "a pr" + &")".repeat(n)),
        ("left open", &|n| "(".repeat(n)),
        ("negations", &|n| "not (".repeat(n) + "a pr" + &")".repeat(n)),
        ("brackets", &|n| joined(r#"emails[type eq "work" and value pr]"#, " or ", n)),
        ("a list in brackets", &|n| format!("emails[{}]", joined("type pr", " and ", n))),
        ("brackets in brackets", &|n| "a[".repeat(n)),
        ("after brackets", &|n| joined(r#"emails[type eq "work"].value eq "x""#, " and ", n)),
        ("escapes", &|n| format!(r#"a eq "{}""#, r#"\n\"\u00e5\ud83d\ude00"#.repeat(n))),
        ("text", &|n| format!("a eq \"{}\"", "xå€😀".repeat(n))),
        ("text without end", &|n| format!("a eq \"{}", r"\n".repeat(n))),
        ("name", &|n| format!("{} pr", "n".repeat(n))),
        ("names", &|n| joined("a", ".", n)),
        ("uri", &|n| format!("{} pr", joined("urn", ":", n))),
        ("known uri", &|n| joined("urn:ietf:params:scim:schemas:core:2.0:User:name.familyName pr", " and ", n)),
        ("digits", &|n| format!("a eq {}", "1".repeat(n))),
        ("blanks", &|n| format!("a{0}[{0}b{0}pr{0}]{0}and{0}not{0}({0}c{0}eq{0}1{0}){0}", " \t".repeat(n))),
        ("not a filter", &|n| "]\"\\ ".repeat(n)),
    ];
    for (name, shape) in shapes {
        let (once, four_times) = (shape(250), shape(1000));
        let (small, large) = (work(&once), work(&four_times));
        assert!(large <= 4 * small + 100, "{name}: {small} and {large}");
        // 18 times the text is read; without the dozen URIs that each path is compared with it is looked at twice or so.
        let most = if name.contains("uri") { 18 * 20 } else { 18 * 3 };
        assert!(large <= most * four_times.len(), "{name}: {large} for {} bytes", four_times.len());
    }
}
