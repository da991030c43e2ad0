//! Inputs that once were faults, and the seeds of each target.

use std::path::Path;

/// Each file in `regressions/<target>/` is given to its target, which panics if the fault is back.
#[test]
fn regressions_stay_mended() {
    for (name, target) in scimkit_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name);
        let mut count = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} is empty", folder.display());
    }
}
